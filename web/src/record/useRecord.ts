// One record, as the server last said it. An answer that was asked for before a change was saved may come after it: what is
// newer stays.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { get } from '../api/client';
import type { Entity, Rec } from '../meta/meta';

export function useRecord(e: Entity, id: number) {
  const client = useQueryClient();
  const queryKey = ['record', e.name, id];
  return useQuery({
    queryKey,
    queryFn: async ({ signal }) => {
      const fresh = await get<Rec>(`/${e.plural}/${id}`, {}, signal);
      const kept = client.getQueryData<Rec>(queryKey);
      return kept && kept.version > fresh.version ? kept : fresh;
    },
  });
}
