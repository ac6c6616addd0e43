// Records of one kind for a page of settings, and saving one of them.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { call, get } from '../api/client';
import type { Rec } from '../meta/meta';
import { sayError } from '../ui/undo';

export function useRows(plural: string, params: Record<string, string | number> = {}) {
  return useQuery({ queryKey: ['settings', plural, params], queryFn: async ({ signal }) => {
    const items: Rec[] = [];
    for (let after: string | null = ''; after !== null && items.length < 2000;) {
      const page: { items: Rec[]; next: string | null } = await get(`/${plural}`, { limit: 200, ...params, after }, signal);
      items.push(...page.items);
      after = page.next;
    }
    return items;
  } });
}

/** Sends, reads the lists anew (and the model, where it may have changed), and says what was refused. */
export function useSave() {
  const client = useQueryClient();
  return async <T = Rec>(method: string, path: string, body?: unknown): Promise<T | null> => {
    try {
      const { data } = await call<T>(method, path, body);
      await client.invalidateQueries({ queryKey: ['settings'] });
      void client.invalidateQueries({ queryKey: ['meta'] });
      return data ?? ({} as T);
    } catch (x) {
      sayError(x, 'settings');
      return null;
    }
  };
}
