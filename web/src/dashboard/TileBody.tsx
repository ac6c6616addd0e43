// What a tile shows. Each asks one question with the rights of who looks; what is refused is said in the tile alone.
import { Skeleton } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import { inOrder, reader } from '../chart/ask';
import { Heat } from '../chart/Heat';
import { both } from '../expr/tree';
import { isEmpty } from '../fields/format';
import { CardValue } from '../list/Cards';
import { bestGroup, groupable } from '../list/columns';
import { groupOf, useCross, useGroups } from '../list/groups';
import { measureWords } from '../list/measure';
import { t } from '../locale/t';
import { address, defaultColumns, titleOf, useMeta, type Entity, type Rec } from '../meta/meta';
import { columnsOf, useAllViews, type View } from '../views/views';
import type { Tile } from './dashboards';
import { Loading } from '../ui/bits';
import { later } from '../ui/later';
import { Link } from '../ui/Link';

const Drawing = later(() => import('../chart/Drawing'));
export const ROW = 46, GAP = 14;
const LONG = 60_000_000;

const listHref = (e: Entity, more: Record<string, string | undefined>) => {
  const p = new URLSearchParams(Object.entries(more).filter((x): x is [string, string] => !!x[1])).toString();
  return address(e) + (p ? '?' + p : '');
};
const Trouble = ({ error }: { error: unknown }) => <div className="tilesays" role="alert">{error instanceof Error ? error.message : String(error)}</div>;
const Says = ({ text }: { text: string }) => <div className="tilesays dim">{text}</div>;

function NumberTile({ tile, e }: { tile: Tile; e: Entity }) {
  const q = useQuery({
    queryKey: ['tile', e.name, 'number', { where: tile.where, measure: tile.measure }], staleTime: LONG, retry: false, placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => (await get<{ rows: { n: unknown }[] }>(`/${e.plural}/aggregate`, { measure: `${tile.measure || 'count()'} as n`, where: tile.where }, signal)).rows[0]?.n ?? null,
  });
  if (q.error) return <Trouble error={q.error} />;
  if (q.isPending) return <Skeleton height={34} width="50%" />;
  return <Link className="tilenumber num" href={listHref(e, { where: tile.where })}>{measureWords(e, tile.measure ?? '', q.data) || '–'}</Link>;
}

interface Chart { where?: string; measure?: string; group: string; across?: string; chart: string }
function ChartTile({ e, ask, height, label }: { e: Entity; ask: Chart; height: number; label: string }) {
  const by = groupOf(e, ask.group), heat = ask.chart === 'heat';
  const across = heat && ask.across ? groupOf(e, ask.across) : null;
  const what = { where: ask.where || undefined, measure: ask.measure || undefined };
  const groups = useGroups(e, by, { ...what, limit: 500 }, !heat, 'tile');
  const cross = useCross(e, by, across, what, heat, 'tile');
  const q = heat ? cross : groups;
  if (!by || (heat && !across)) return <Says text={t('tile.nofield')} />;
  if (q.error) return <Trouble error={q.error} />;
  if (q.isPending) return <Skeleton height={height} aria-label={t('loading')} />;
  const { name, value, words } = reader(e, ask.measure ?? '');
  const to = (where: string) => listHref(e, { where: both(ask.where, where) });
  if (heat) return cross.data!.rows.length ? <Heat cross={cross.data!} label={label} value={value} words={words} href={to} /> : <Says text={t('tile.nothing')} />;
  const { shown } = inOrder(by, ask.chart, groups.data ?? [], value);
  if (!shown.length) return <Says text={t('tile.nothing')} />;
  return <Drawing waiting={<Skeleton height={height} />} slim kind={ask.chart} label={label} name={name} by={by} parts={shown} height={height} value={value} words={words} href={(p) => to(p.where)} />;
}

function ListTile({ e, where, sort, columns, rows }: { e: Entity; where?: string; sort?: string; columns: string[]; rows: number }) {
  const fields = columns.flatMap((n) => e.fields.find((f) => f.name === n && f.name !== e.title) ?? []).slice(0, 4);
  const ask = { fields: [...new Set(['id', 'version', ...(e.title ? [e.title] : []), ...fields.map((f) => f.name)])].join(','), where, sort, limit: rows };
  const q = useQuery({ queryKey: ['tile', e.name, 'list', ask], staleTime: LONG, retry: false, placeholderData: keepPreviousData, queryFn: ({ signal }) => get<{ items: Rec[]; next: string | null }>(`/${e.plural}`, ask, signal) });
  if (q.error) return <Trouble error={q.error} />;
  if (q.isPending) return <>{[1, 2, 3].map((n) => <Skeleton key={n} height={22} mb={8} />)}</>;
  if (!q.data.items.length) return <Says text={t('tile.nothing')} />;
  return (
    <ul className="plainlist tilelist">
      {q.data.items.map((r) => <li key={r.id}><Link className="rowlink grow cut" href={address(e, r.id)}>{titleOf(e, r)}</Link>{fields.filter((f) => !isEmpty(r[f.name])).map((f) => <span key={f.name} className="dim tilevalue"><CardValue f={f} v={r[f.name]} /></span>)}</li>)}
      {q.data.next && <li><Link className="reflink" href={listHref(e, { where, sort })}>{t('tile.all')}</Link></li>}
    </ul>
  );
}

/** A saved view, as it is now: as a chart where it draws one or is a board, else as its first rows. */
function ViewTile({ e, view, rows, height, label }: { e: Entity; view: View; rows: number; height: number; label: string }) {
  const meta = useMeta();
  const { look } = view;
  if (look.kind === 'chart' || look.kind === 'board') {
    const group = look.group || bestGroup(e, meta, groupable)?.name || '';
    const chart = look.kind === 'chart' ? look.chart || (groupOf(e, group)?.unit ? 'line' : 'bar') : 'bar';
    return <ChartTile e={e} height={height} label={label} ask={{ where: look.where, measure: look.measure, group, across: look.across || bestGroup(e, meta, (f) => groupable(f) && f.name !== group)?.name, chart }} />;
  }
  const columns = (look.cols ? columnsOf(look.cols).map((c) => c.name) : defaultColumns(e)).filter((n) => n !== e.title).slice(0, 3);
  return <ListTile e={e} where={look.where || undefined} sort={look.sort || (look.date ? look.date : undefined)} columns={columns} rows={rows} />;
}

function Text({ text }: { text: string }) {
  return <div className="tiletext">{text.split('\n').map((line, i) => (line.startsWith('# ') ? <b key={i}>{line.slice(2)}</b> : <p key={i}>{line}</p>))}</div>;
}

/** The object that a tile is about, and where its title leads. */
export function useTile(tile: Tile) {
  const meta = useMeta();
  const views = useAllViews();
  const view = tile.kind === 'view' ? views.data?.find((v) => v.id === tile.view) : undefined;
  const e = meta.entity(view?.entity ?? tile.entity ?? '');
  const chart = { kind: 'chart', group: tile.group ?? '', measure: tile.measure ?? '', chart: tile.chart ?? '', across: tile.across ?? '' };
  const href = !e ? undefined : view ? `${address(e)}?view=${view.id}` : listHref(e, { where: tile.where, ...(tile.kind === 'chart' && chart), ...(tile.kind === 'list' && { sort: tile.sort }) });
  const title = tile.title || view?.name || (tile.kind === 'text' ? t('tile.kind.text') : e ? (tile.kind === 'number' ? reader(e, tile.measure ?? '').name + ': ' : '') + e.label_plural : '');
  return { e, view, href, title, waiting: tile.kind === 'view' && views.isPending };
}

export function TileBody({ tile, height, title, e, view, waiting }: { tile: Tile; height: number; title: string; e: Entity | undefined; view: View | undefined; waiting: boolean }) {
  if (tile.kind === 'text') return <Text text={tile.text ?? ''} />;
  if (waiting) return <Loading height={40} />;
  if (tile.kind === 'view' && !view) return <Says text={t('tile.noview')} />;
  if (!e) return <Says text={t('tile.noentity')} />;
  switch (tile.kind) {
    case 'number': return <NumberTile tile={tile} e={e} />;
    case 'chart': return <ChartTile e={e} height={height} label={title} ask={{ where: tile.where, measure: tile.measure, group: tile.group ?? '', across: tile.across, chart: tile.chart ?? 'bar' }} />;
    case 'list': return <ListTile e={e} where={tile.where} sort={tile.sort} columns={tile.columns ?? []} rows={tile.rows ?? 8} />;
    case 'view': return <ViewTile e={e} view={view!} rows={tile.rows ?? 8} height={height} label={title} />;
  }
}
