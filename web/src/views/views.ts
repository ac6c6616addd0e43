// Saved views: records like all others. What a view keeps and what the address says have one form.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { call, get, getSession } from '../api/client';
import { onChanges } from '../api/live';
import { read } from '../expr/parse';
import { toText } from '../expr/tree';
import { can, useMeta, type Entity, type Meta, type Rec } from '../meta/meta';

export type Kind = 'list' | 'board' | 'calendar' | 'chart' | 'map';
export const KINDS: Kind[] = ['list', 'board', 'chart', 'calendar', 'map'];
/** What a view keeps. Each is a text, as it stands in the address; empty is the usual. */
export const KEYS = ['kind', 'where', 'sort', 'group', 'cols', 'measure', 'chart', 'across', 'date', 'span', 'place'] as const;
export type Key = (typeof KEYS)[number];
export type Look = Record<Key, string>;
export const PLAIN = Object.fromEntries(KEYS.map((k) => [k, ''])) as Look;
const OPTIONS = ['measure', 'chart', 'across', 'date', 'span', 'place'] as const;

export interface View {
  id: number; version: number; name: string; entity: string; mine: boolean; shared: boolean; pinned: boolean; first: boolean; position: number; look: Look;
}
export interface Column { name: string; width?: number }

/** `name:120,email` */
export const columnsOf = (cols: string): Column[] => cols.split(',').filter(Boolean).map((c) => { const [name, w] = c.split(':'); return w ? { name: name!, width: Number(w) || undefined } : { name: name! }; });
export const columnsText = (list: Column[]) => list.map((c) => c.name + (c.width ? ':' + Math.round(c.width) : '')).join(',');

function fromRecord(meta: Meta, r: Rec): View {
  const e = meta.entity(r.entity);
  const opts = r.options && typeof r.options === 'object' ? r.options : {};
  const text = (v: unknown) => (typeof v === 'string' ? v : '');
  // a filter is stored by numbers of fields, so that a new name of a field breaks nothing
  const parsed = read(text(r.where), (path) => (e ? meta.named(e, path) : path));
  const look: Look = {
    ...PLAIN, kind: r.kind === 'list' ? '' : text(r.kind), where: parsed.ok ? toText(parsed.tree) : text(r.where), sort: text(r.sort), group: text(r.group),
    cols: Array.isArray(r.columns) ? columnsText(r.columns.filter((c: Column) => typeof c?.name === 'string')) : '',
  };
  for (const k of OPTIONS) look[k] = text(opts[k]);
  return { id: r.id, version: r.version, name: r.name, entity: r.entity, mine: r.owner?.id === getSession().user?.id, shared: !!r.shared, pinned: !!r.pinned, first: opts.first === true, position: r.position ?? 0, look };
}
export function toRecord(look: Look, first: boolean) {
  const options: Record<string, unknown> = Object.fromEntries(OPTIONS.filter((k) => look[k]).map((k) => [k, look[k]]));
  if (first) options.first = true;
  return { kind: look.kind || 'list', where: look.where || null, sort: look.sort || null, group: look.group || null, columns: look.cols ? columnsOf(look.cols) : null, options: Object.keys(options).length ? options : null };
}

export const FIELDS = 'id,version,name,entity,owner,kind,where,sort,group,columns,options,shared,pinned,position';
export function useAllViews() {
  const meta = useMeta();
  const client = useQueryClient();
  const e = meta.entity('view');
  useEffect(() => onChanges((changes) => { if (changes.some((c) => c.entity === 'view')) void client.invalidateQueries({ queryKey: ['views'] }); }), [client]);
  return useQuery({
    queryKey: ['views'], enabled: !!e && can(e, 'read'), staleTime: Infinity, retry: false,
    queryFn: async ({ signal }) => {
      const items: Rec[] = [];
      for (let after: string | null = ''; after !== null && items.length < 2000;) {
        const page: { items: Rec[]; next: string | null } = await get('/views', { fields: FIELDS, limit: 200, after }, signal);
        items.push(...page.items);
        after = page.next;
      }
      return items.map((r) => fromRecord(meta, r)).sort((a, b) => a.position - b.position || a.id - b.id);
    },
  });
}
export function useViews(e: Entity) {
  const all = useAllViews();
  return { ready: !all.isPending || all.fetchStatus === 'idle', views: (all.data ?? []).filter((v) => v.entity === e.name) };
}

export function useSaveView() {
  const meta = useMeta();
  const client = useQueryClient();
  const put = (v: View, gone = false) => client.setQueryData<View[]>(['views'], (old) => { const rest = (old ?? []).filter((x) => x.id !== v.id); return gone ? rest : [...rest, v].sort((a, b) => a.position - b.position || a.id - b.id); });
  return {
    async create(e: Entity, name: string, look: Look, more: { shared?: boolean; pinned?: boolean }) {
      const { data } = await call<Rec>('POST', '/views', { entity: e.name, name, ...toRecord(look, false), ...more });
      const v = fromRecord(meta, data);
      put(v);
      return v;
    },
    async change(v: View, changes: { name?: string; look?: Look; shared?: boolean; pinned?: boolean; first?: boolean }) {
      const { look, first, ...plain } = changes;
      const body = look || first !== undefined ? { ...plain, ...toRecord(look ?? v.look, first ?? v.first) } : plain;
      // a switch names what it changes; a whole look must not go over another's. At once on the screen; as it was where the server says no
      put({ ...v, ...changes });
      try {
        const { data } = await call<Rec>('PATCH', `/views/${v.id}`, body, look ? { 'If-Match': `"${v.version}"` } : {});
        put(fromRecord(meta, data));
      } catch (x) {
        put(v);
        throw x;
      }
    },
    async remove(v: View) { await call('DELETE', `/views/${v.id}`); put(v, true); },
    async restore(v: View) { put(fromRecord(meta, (await call<Rec>('POST', `/views/${v.id}/restore`)).data)); },
  };
}
