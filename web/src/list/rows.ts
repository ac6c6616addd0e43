// Rows in windows by key: one request or several (groups, columns of a board), kept in one form,
// so that the change stream finds them all. A window more is put at the end, never read twice.
import { useQueries, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useRef, useState } from 'react';
import { call, get } from '../api/client';
import type { Page } from '../api/live';
import type { Entity, Rec } from '../meta/meta';

export interface Ask { fields: string; where?: string; sort?: string; q?: string; from?: string; limit?: number; expand?: string }
export interface Windows { rows: Rec[]; more: boolean; pending: boolean; error: unknown; failed: unknown; load: () => void; again: () => void }
interface Kept { pages: Page[]; pageParams: string[] }
const LONG = 1500; // an address has its limits: past this the same goes as a body

async function page(e: Entity, ask: Ask, after: string, signal?: AbortSignal): Promise<Page> {
  const all = { limit: 100, ...ask, after };
  if ((ask.where?.length ?? 0) < LONG) return get<Page>(`/${e.plural}`, all, signal);
  const body = Object.fromEntries(Object.entries(all).filter(([, v]) => v !== undefined && v !== ''));
  return (await call<Page>('POST', `/${e.plural}/query`, body, {}, signal)).data;
}
/** As many windows as there were: reading anew must not shorten what is on the screen. */
async function windows(client: QueryClient, e: Entity, ask: Ask, signal: AbortSignal): Promise<Kept> {
  const before = Math.min(client.getQueryData<Kept>(['list', e.name, ask])?.pages.length ?? 1, 5);
  const kept: Kept = { pages: [], pageParams: [] };
  for (let after: string | null = ''; after !== null && kept.pages.length < before;) {
    const p: Page = await page(e, ask, after, signal);
    kept.pages.push(p);
    kept.pageParams.push(after);
    after = p.next;
  }
  return kept;
}

const joined = new WeakMap<Kept, Rec[]>();
/** All rows of the windows, the same array for the same windows. */
function rowsOf(kept: Kept | undefined): Rec[] {
  if (!kept) return NONE;
  let rows = joined.get(kept);
  if (!rows) joined.set(kept, rows = kept.pages.flatMap((p) => p.items));
  return rows;
}
const NONE: Rec[] = [];

const nextOf = (kept: Kept | undefined) => kept?.pages[kept.pages.length - 1]?.next ?? null;

/** Reads the window that follows; its rows, none at the end. */
export async function nextWindow(client: QueryClient, e: Entity, ask: Ask): Promise<Rec[]> {
  // by what is there now: the screen may show what was there before a window came, and would ask for it again
  const queryKey = ['list', e.name, ask], next = nextOf(client.getQueryData<Kept>(queryKey));
  if (next === null) return NONE;
  const p = await page(e, ask, next);
  client.setQueryData<Kept>(queryKey, (old) => (nextOf(old) === next ? { pages: [...old!.pages, p], pageParams: [...old!.pageParams, next] } : old));
  return p.items;
}

export function useWindows(e: Entity, asks: Ask[], on = true): Windows[] {
  const client = useQueryClient();
  const loading = useRef(new Set<string>());
  const [failed, setFailed] = useState<Record<string, unknown>>({});
  const results = useQueries({
    queries: asks.map((ask) => ({
      queryKey: ['list', e.name, ask], enabled: on, queryFn: ({ signal }: { signal: AbortSignal }) => windows(client, e, ask, signal),
      // the change stream keeps the rows true; reading all windows again would cost and jump
      staleTime: 60_000,
    })),
  });
  return results.map((r, i) => {
    const ask = asks[i]!;
    const key = JSON.stringify(ask);
    const queryKey = ['list', e.name, ask];
    return {
      rows: rowsOf(r.data), more: nextOf(r.data) !== null, pending: r.isPending, error: r.error, failed: failed[key],
      again: () => { setFailed({}); void client.resetQueries({ queryKey }); },
      load: () => {
        if (loading.current.has(key)) return;
        loading.current.add(key);
        nextWindow(client, e, ask).then(
          () => setFailed((f) => (f[key] ? {} : f)),
          (x: unknown) => setFailed((f) => ({ ...f, [key]: x })),
        ).finally(() => loading.current.delete(key));
      },
    };
  });
}

/** Puts a changed record where it stands in every list that shows it. */
export function patchRows(client: QueryClient, e: Entity, id: number, change: (r: Rec) => Rec | null) {
  client.setQueriesData<Kept>({ queryKey: ['list', e.name] }, (old) => old && { ...old, pages: old.pages.map((p) => (p.items.some((r) => r.id === id) ? { ...p, items: p.items.flatMap((r) => (r.id === id ? change(r) ?? [] : r)) } : p)) });
}
/** Of a whole record what a row shows. */
export const pick = (whole: Rec, row: Rec) => Object.fromEntries(Object.keys(row).filter((k) => k in whole).map((k) => [k, whole[k]]));
/** The order turned round, exactly: ties are decided by the id. */
export const reversed = (sort: string) => [...(sort ? sort.split(',').map((s) => (s.startsWith('-') ? s.slice(1) : '-' + s)) : []), ...(/(^|,)-?id$/.test(sort) ? [] : ['-id'])].join(',');
