// The change stream: what is on the screen follows what others do, without jumping.
import type { QueryClient } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';
import { get } from './client';
import type { Meta, Rec } from '../meta/meta';

/** into: what a deleted record was merged into. */
export interface Change { entity: string; id: number; kind: string; into?: number }
export interface Page { items: Rec[]; next: string | null }
export const isGone = (c: Change) => c.kind === 'delete' || c.kind === 'purge';
const listeners = new Set<(c: Change[]) => void>();
export function onChanges(f: (c: Change[]) => void) { listeners.add(f); return () => { listeners.delete(f); }; }

/** Rows that are on the screen are read anew, where they stand; what was deleted goes. */
async function followLists(client: QueryClient, meta: Meta, changes: Change[]) {
  for (const query of client.getQueryCache().findAll({ queryKey: ['list'], type: 'active' })) {
    const [, entity, params] = query.queryKey as [string, string, { fields: string }];
    const e = meta.entity(entity);
    const mine = changes.filter((c) => c.entity === entity);
    const data = query.state.data as { pages: Page[]; pageParams: unknown[] } | undefined;
    if (!e || !mine.length || !data) continue;
    const shown = new Set(data.pages.flatMap((p) => p.items.map((r) => r.id)));
    const ids = [...new Set(mine.filter((c) => c.kind === 'update' && shown.has(c.id)).map((c) => c.id))].slice(0, 100);
    const gone = new Set(mine.filter(isGone).map((c) => c.id));
    const fresh = ids.length ? (await get<Page>(`/${e.plural}`, { where: `id in (${ids.join(', ')})`, fields: params.fields, limit: 200 }).catch(() => null))?.items ?? [] : [];
    const byId = new Map(fresh.map((r) => [r.id, r]));
    client.setQueryData(query.queryKey, (old: typeof data) => old && { ...old, pages: old.pages.map((p) => ({ ...p, items: p.items.filter((r) => !gone.has(r.id)).map((r) => { const now = byId.get(r.id); return now && now.version >= (r.version ?? 0) ? now : r; }) })) });
  }
}

// while many change, as during an import, what is on the screen follows now and then: it would ask for nothing else
const MANY = 50, SOON = 300, LATER = 3000;

export function useLive(client: QueryClient, meta: Meta | undefined) {
  // another model is no reason to open the stream anew: what changes meanwhile would be told to nobody
  const latest = useRef(meta), there = !!meta;
  useEffect(() => { latest.current = meta; }, [meta]);
  useEffect(() => {
    if (!there) return;
    const source = new EventSource('/api/v1/changes');
    let waiting: Change[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined, pause = SOON, flushed = 0;
    const flush = () => {
      const now = waiting, meta = latest.current!;
      pause = now.length > MANY ? Math.min(pause * 2, LATER) : SOON;
      waiting = [];
      timer = undefined;
      flushed = Date.now();
      void followLists(client, meta, now);
      const entities = new Set(now.map((c) => c.entity));
      // what a record came to in the end; one that was deleted cannot be asked for again: its page tells that it is gone
      const last = new Map(now.filter((c) => c.kind !== 'create').map((c) => [`${c.entity} ${c.id}`, c])); // none is shown before it is made
      for (const c of [...last.values()].slice(0, 200)) void client.invalidateQueries({ queryKey: ['record', c.entity, c.id], refetchType: isGone(c) ? 'none' : 'active' });
      for (const name of entities) {
        void client.invalidateQueries({ queryKey: ['count', name] });
        void client.invalidateQueries({ queryKey: ['related', name] });
        if (meta.entity(name)?.activity) void client.invalidateQueries({ queryKey: ['timeline'] });
      }
      listeners.forEach((f) => f(now));
    };
    source.addEventListener('change', (ev) => {
      waiting.push(JSON.parse((ev as MessageEvent).data));
      timer ??= setTimeout(flush, Date.now() - flushed > pause ? SOON : pause); // what comes after a silence is no flood any more
    });
    source.addEventListener('meta', () => void client.invalidateQueries({ queryKey: ['meta'] }));
    source.addEventListener('reset', () => void client.invalidateQueries());
    return () => { source.close(); clearTimeout(timer); };
  }, [client, there]);
}
