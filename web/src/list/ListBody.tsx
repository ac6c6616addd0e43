// Rows of a list: one run of windows from either end, or groups of them; cards on a phone.
import { Button, Skeleton, Stack } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { onChanges } from '../api/live';
import { usePhone } from '../app/Shell';
import { t } from '../locale/t';
import { address, alarmOf, can, keptIn, valueKind, type Entity } from '../meta/meta';
import { Empty, ErrorState } from '../ui/bits';
import { later } from '../ui/later';
import { Link } from '../ui/Link';
import { Cards } from './Cards';
import { columnsText } from '../views/views';
import { shownColumns, toColumns } from './columns';
import { Grid, type Item } from './Grid';
import { groupOf, useGroups, within } from './groups';
import { nextWindow, reversed, useWindows, type Ask, type Windows } from './rows';
import { useSelection } from './selection';
import { keepTrail } from './trail';
import type { ListState } from './state';

const BulkBar = later(() => import('./BulkBar'), 'soon');
const Peek = later(() => import('./Peek'), 'soon');

export interface BodyProps { entity: Entity; state: ListState; total: number | undefined; onProblem: (x: unknown) => void }

function useKept<T>(now: T | undefined): T | undefined {
  const kept = useRef(now);
  if (now !== undefined) kept.current = now;
  return now ?? kept.current;
}

/** The same list as long as what is in it is the same: groups come and go, so their number is no constant. */
function useSame(now: unknown[]): unknown[] {
  const kept = useRef(now);
  if (kept.current.length !== now.length || now.some((x, i) => x !== kept.current[i])) kept.current = now;
  return kept.current;
}

export function ListBody({ entity: e, state, total, onProblem, onSettled, onClear }: BodyProps & { onSettled: (there: boolean) => void; onClear: () => void }) {
  const { look, q, params, set, change } = state;
  const [, go] = useLocation();
  const client = useQueryClient();
  const phone = usePhone();
  const scroller = useRef<HTMLDivElement>(null);
  const [news, setNews] = useState(0);
  const [anchor, setAnchor] = useState<'top' | 'end'>('top');
  const [closed, setClosed] = useState<Set<string>>(new Set());
  const [seen, setSeen] = useState<Set<string>>(new Set());
  const columns = useMemo(() => shownColumns(e, look.cols), [e, look.cols]);
  // beside what is shown, what editing it needs: nothing is edited in cards
  const fields = useMemo(() => [...new Set(['id', 'version', ...columns.flatMap(({ field: f }) => [f, ...(phone ? [] : keptIn(e, f)), ...(alarmOf(e, f) ? [alarmOf(e, f)!] : [])].map((x) => x.name))])].join(','), [e, columns, phone]);
  const from = params.get('from') ?? '';
  const peek = Number(params.get('peek')) || null;
  const by = phone ? null : groupOf(e, look.group);
  // counts know nothing of the search: with one they are not shown
  const groups = useGroups(e, by, { where: look.where || undefined }, !!by);
  const reset = JSON.stringify([look.where, look.sort, look.group, q, from]);
  useEffect(() => { setAnchor('top'); setNews(0); setClosed(new Set()); setSeen(new Set()); }, [reset]);

  const base: Ask = { fields, q: q || undefined, sort: look.sort || undefined };
  const list = by ? (groups.data ?? []).filter((g) => seen.has(g.key) && !closed.has(g.key)) : [];
  const asks: Ask[] = by ? list.map((g) => ({ ...base, where: within(g, look.where) })) : [{ ...base, where: look.where || undefined, from: (anchor === 'top' && from) || undefined, sort: anchor === 'end' ? reversed(look.sort) : base.sort }];
  const runs = useWindows(e, asks);
  const flat = by ? undefined : runs[0]!;
  const error = by ? groups.error ?? runs.find((r) => r.error)?.error ?? null : flat!.error;
  useEffect(() => onProblem(error), [error, onProblem]);
  // until the next rows are there the last ones stay, with the end that they were read from
  const now = useKept(flat && !flat.pending && !error ? { run: flat, end: anchor === 'end' } : undefined);
  const run: Windows | undefined = flat && now?.run;
  const end = !by && !!now?.end;

  const held = useSame([run?.rows, run?.more, run?.failed, ...runs.flatMap((r) => [r.rows, r.more, r.pending])]);
  const items = useMemo<Item[]>(() => {
    const rows = (r: Windows, key: string, end = false): Item[] => {
      const out: Item[] = (end ? [...r.rows].reverse() : r.rows).map((row) => ({ t: 'row', key: key + row.id, row }));
      const wait: Item = { t: 'wait', key: key + 'more', load: r.load, failed: r.failed };
      return r.more ? (end ? [wait, ...out] : [...out, wait]) : out;
    };
    if (!by) return run ? rows(run, '', end) : [];
    return (groups.data ?? []).flatMap((g): Item[] => {
      const head: Item = { t: 'group', key: 'g' + g.key, group: g, open: !closed.has(g.key), counted: !q };
      if (closed.has(g.key)) return [head];
      const r = runs[list.indexOf(g)];
      const ask = () => setSeen((old) => (old.has(g.key) ? old : new Set(old).add(g.key)));
      if (!r || r.pending) return [head, ...Array.from({ length: Math.min(g.count, 30) }, (_, i): Item => ({ t: 'wait', key: `g${g.key}w${i}`, load: ask }))];
      return [head, ...rows(r, `g${g.key}r`)];
    });
  }, [by?.text, groups.data, closed, end, held, q]);
  const more = !by && !end && runs[0]?.more ? () => nextWindow(client, e, asks[0]!).then((rows) => rows.map((r) => r.id)) : undefined;
  // where a record that is opened from here leads on to
  useEffect(() => { const ids = items.flatMap((x) => (x.t === 'row' ? [x.row.id] : [])); if (ids.length) keepTrail(e.name, { href: location.pathname + location.search, ids, more }); }, [items, e.name]);
  const order = useMemo(() => items.flatMap((x) => (x.t === 'row' ? [x.row.id] : [])), [items]);
  const selection = useSelection(order);
  // what was chosen in one list is not chosen in another; an address may ask for all of them
  const all = params.get('select') === 'all';
  useEffect(() => (all ? selection.everything() : selection.clear()), [look.where, q, all]);

  useEffect(() => onChanges((changes) => {
    const n = changes.filter((c) => c.entity === e.name && (c.kind === 'create' || c.kind === 'restore')).length;
    if (!n) return;
    // at the top what is new may simply come in
    if ((scroller.current?.scrollTop ?? 0) < 5 && anchor === 'top') void client.invalidateQueries({ queryKey: ['list', e.name] });
    else setNews((old) => old + n);
  }), [e.name, client, anchor]);
  const anew = () => { setNews(0); setAnchor('top'); scroller.current?.scrollTo({ top: 0 }); void client.resetQueries({ queryKey: ['list', e.name] }); };
  const onSort = (name: string, add: boolean) => {
    const keys = look.sort ? look.sort.split(',') : [];
    const i = keys.findIndex((k) => k === name || k === '-' + name);
    const next = i < 0 ? [...(add ? keys : []), name] : keys[i] === name ? (add ? keys.map((k, x) => (x === i ? '-' + name : k)) : ['-' + name]) : add ? keys.filter((_, x) => x !== i) : [];
    change({ sort: next.slice(0, 4).join(',') });
  };
  const peeked = peek === null ? undefined : items.find((x): x is Extract<Item, { t: 'row' }> => x.t === 'row' && x.row.id === peek)?.row;
  const filtered = !!(q || look.where);
  const pending = by ? groups.isPending && !groups.error : !run && !error;
  useEffect(() => { if (!pending) onSettled(true); }, [pending, onSettled]);
  const empty = by ? groups.data?.length === 0 : run && run.rows.length === 0 && !run.more;

  if (error) return <ErrorState error={error} retry={() => (look.sort ? change({ sort: '' }) : by ? void groups.refetch() : flat!.again())} />;
  if (pending) return <Stack p="md" gap={10} aria-busy aria-label={t('loading')}>{Array.from({ length: 12 }, (_, i) => <Skeleton key={i} height={26} />)}</Stack>;
  if (empty) {
    return filtered || from ? <Empty title={t('list.nomatch')}><Button variant="default" onClick={() => (from ? set({ from: null }) : onClear())}>{from ? t('list.from.top') : t('list.filter.clear')}</Button></Empty>
      : <Empty title={t('list.empty', { label: e.label_plural })}>{can(e, 'create') && <Button onClick={() => set({ new: '1' })}>{t('new.title', { label: e.label })}</Button>}{can(e, 'import') && <Link className="reflink" href={address(e) + '/import'}>{t('import.open')}</Link>}</Empty>;
  }
  return (
    <div className="listbody">
      {(news > 0 || from || anchor === 'end') && (
        <div className="notes">
          {news > 0 && <Button size="compact-sm" variant="default" onClick={anew}>{t('list.news', { n: news })}</Button>}
          {from && anchor === 'top' && <span className="fchip"><span className="fbody">{t('list.from', { value: from })}</span><button type="button" className="fx" aria-label={t('list.from.top')} onClick={() => set({ from: null })}>✕</button></span>}
          {anchor === 'end' && <Button size="compact-sm" variant="default" onClick={() => setAnchor('top')}>{t('list.from.top')}</Button>}
        </div>
      )}
      <div className="split">
        {phone ? <Cards entity={e} columns={columns} items={items} scroller={scroller} selection={selection} />
          : <Grid entity={e} columns={columns} items={items} sort={look.sort} total={total} selection={selection} anchor={end ? 'end' : 'top'} reset={reset} scroller={scroller} peek={peek}
              onSort={onSort} onColumns={(c) => change({ cols: columnsText(toColumns(c)) }, true)} onOpen={(r) => go(address(e, r.id))} onPeek={(r) => set({ peek: r ? String(r.id) : null }, true)}
              onGroup={(key) => setClosed((old) => { const next = new Set(old); if (!next.delete(key)) next.add(key); return next; })}
              onEdge={(edge) => { if (by || (edge === 'end' && !run?.more)) return; setAnchor(edge); if (edge === 'top' && from) set({ from: null }); }} />}
        {peek !== null && !phone && <Peek waiting={<aside className="peek" />} entity={e} id={peek} row={peeked} where={look.where} onClose={() => { set({ peek: null }, true); setTimeout(() => scroller.current?.querySelector<HTMLElement>('[role=gridcell][tabindex="0"]')?.focus()); }} />}
      </div>
      {selection.some && <BulkBar entity={e} selection={selection} total={total} where={look.where} q={q} fields={columns.map((c) => c.field.name)} />}
    </div>
  );
}

/** What a jump may begin from: the first key of the order, where it is a text or a date. */
export const jumpField = (e: Entity, sort: string) => {
  const name = sort.split(',')[0]?.replace(/^-/, '') ?? '';
  const f = e.fields.find((x) => x.name === name);
  return f && !['choice', 'reference', 'yes_no'].includes(valueKind(f)) ? f : undefined;
};
