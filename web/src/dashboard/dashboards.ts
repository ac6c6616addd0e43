// Dashboards: records with a list of tiles. A tile keeps a question; its answer is fetched once, and again when the change
// stream tells of something that it may be about.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { call, get, getSession } from '../api/client';
import { onChanges } from '../api/live';
import { read } from '../expr/parse';
import { toText } from '../expr/tree';
import { can, useMeta, type Meta, type Rec } from '../meta/meta';

export type TileKind = 'number' | 'chart' | 'list' | 'view' | 'text';
export const TILE_KINDS: TileKind[] = ['number', 'chart', 'list', 'view', 'text'];
export interface Tile {
  id: string; kind: TileKind; title?: string; w: number; h: number;
  entity?: string; where?: string; measure?: string; group?: string; across?: string; chart?: string;
  sort?: string; columns?: string[]; rows?: number; view?: number; text?: string;
}
export interface Dashboard { id: number; version: number; name: string; tiles: Tile[]; mine: boolean; shared: boolean; pinned: boolean; position: number }

export const COLUMNS = 12, NARROWEST = 2, HIGHEST = 20;
export const SIZE: Record<TileKind, { w: number; h: number }> = { number: { w: 3, h: 2 }, chart: { w: 6, h: 6 }, list: { w: 4, h: 6 }, view: { w: 6, h: 6 }, text: { w: 12, h: 1 } };
export const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(6)), (b) => b.toString(36).padStart(2, '0')).join('');

function fromRecord(meta: Meta, r: Rec): Dashboard {
  const named = (x: Tile): Tile => {
    const e = x.entity ? meta.entity(x.entity) : undefined;
    // a filter is kept by numbers of fields, so that a new name of a field breaks nothing
    const parsed = x.where ? read(x.where, (path) => (e ? meta.named(e, path) : path)) : null;
    return parsed?.ok ? { ...x, where: toText(parsed.tree) } : x;
  };
  return { id: r.id, version: r.version, name: r.name, tiles: (Array.isArray(r.tiles) ? r.tiles : []).map(named), mine: r.owner?.id === getSession().user?.id, shared: !!r.shared, pinned: !!r.pinned, position: r.position ?? 0 };
}
const order = (a: Dashboard, b: Dashboard) => a.position - b.position || a.id - b.id;

export function useDashboards() {
  const meta = useMeta();
  const client = useQueryClient();
  const e = meta.entity('dashboard');
  useEffect(() => onChanges((changes) => { if (changes.some((c) => c.entity === 'dashboard')) void client.invalidateQueries({ queryKey: ['dashboards'] }); }), [client]);
  return useQuery({
    queryKey: ['dashboards'], enabled: !!e && can(e, 'read'), staleTime: Infinity, retry: false,
    queryFn: async ({ signal }) => (await get<{ items: Rec[] }>('/dashboards', { fields: 'id,version,name,owner,tiles,shared,pinned,position', limit: 200 }, signal)).items.map((r) => fromRecord(meta, r)).sort(order),
  });
}

export function useSaveDashboard() {
  const meta = useMeta();
  const client = useQueryClient();
  const put = (d: Dashboard, gone = false) => client.setQueryData<Dashboard[]>(['dashboards'], (old) => { const rest = (old ?? []).filter((x) => x.id !== d.id); return gone ? rest : [...rest, d].sort(order); });
  return {
    async create(name: string, tiles: Tile[]) {
      const d = fromRecord(meta, (await call<Rec>('POST', '/dashboards', { name, tiles })).data);
      put(d);
      return d;
    },
    /** Tiles go against the version they were read at: what somebody else arranged meanwhile is not lost. */
    async change(d: Dashboard, changes: Partial<Pick<Dashboard, 'name' | 'tiles' | 'shared' | 'pinned'>>, version = d.version) {
      const now = fromRecord(meta, (await call<Rec>('PATCH', `/dashboards/${d.id}`, changes, changes.tiles ? { 'If-Match': `"${version}"` } : {})).data);
      put(now);
      return now;
    },
    async remove(d: Dashboard) { await call('DELETE', `/dashboards/${d.id}`); put(d, true); },
    async restore(d: Dashboard) { put(fromRecord(meta, (await call<Rec>('POST', `/dashboards/${d.id}/restore`)).data)); },
  };
}
export function useMayChange() {
  const e = useMeta().entity('dashboard');
  return { create: !!e && can(e, 'create'), change: (d: Dashboard) => d.mine || e?.rights.update === 'all' };
}

/** Which dashboard stands on the home page: one's own choice, or the one for everybody. */
export function useHome() {
  const client = useQueryClient();
  const meta = useMeta();
  const q = useQuery({ queryKey: ['home'], staleTime: Infinity, retry: false, enabled: !!meta.entity('dashboard'), queryFn: async ({ signal }) => Number((await get<{ items: { name: string; value?: unknown }[] }>('/settings', {}, signal)).items.find((s) => s.name === 'home.dashboard')?.value ?? 0) });
  return { ready: !q.isPending || q.fetchStatus === 'idle', id: q.data ?? 0, async choose(id: number, all = false) { await call('PUT', '/settings', { name: 'home.dashboard', scope: all ? 'organisation' : 'user', value: id }); client.setQueryData(['home'], id); } };
}

const GAP = 5_000;
/** Tiles follow the change stream: at once, and then at most every few seconds, so that an import does not ask without end. */
export function useTilesFollow() {
  const client = useQueryClient();
  useEffect(() => {
    let waiting = new Set<string>(), last = 0, timer: ReturnType<typeof setTimeout> | undefined;
    const flush = () => {
      const changed = waiting;
      waiting = new Set();
      timer = undefined;
      last = Date.now();
      // a filter that looks at other objects may change with any of them
      void client.invalidateQueries({ predicate: (q) => q.queryKey[0] === 'tile' && (changed.has(q.queryKey[1] as string) || /\w\.\w|count\(|sum\(|did\(|in_/.test(JSON.stringify(q.queryKey.slice(2)))) });
    };
    const stop = onChanges((changes) => {
      for (const c of changes) waiting.add(c.entity);
      timer ??= setTimeout(flush, Math.max(0, last + GAP - Date.now()));
    });
    return () => { stop(); clearTimeout(timer); };
  }, [client]);
}
