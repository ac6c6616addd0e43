// A list of any entity: its views, its filter, and one of four ways to look at what it finds.
import { Button } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useLocation } from 'wouter';
import { Problem } from '../api/client';
import { useCount } from '../app/HomePage';
import { usePhone } from '../app/Shell';
import { FilterBar } from '../filter/FilterBar';
import { number } from '../fields/format';
import { t } from '../locale/t';
import { address, can, useMeta, type Entity } from '../meta/meta';
import { Empty, Letter, useTitle } from '../ui/bits';
import { later } from '../ui/later';
import { Segments } from '../ui/Segments';
import { ViewTabs } from '../views/ViewTabs';
import { KINDS, type Kind } from '../views/views';
import { bestGroup, boardable, groupable } from './columns';
import { ListBody } from './ListBody';
import { useListState } from './state';
import { ColumnsButton, GroupButton, MoreMenu, SortButton } from './Tools';

const CreateDialog = later(async () => ({ default: (await import('../form/CreateDialog')).CreateDialog }), 'soon');
const Board = later(() => import('../board/Board'));
const ChartView = later(() => import('../chart/ChartView'));
const CalendarView = later(() => import('../calendar/CalendarView'));
const MapView = later(() => import('../map/MapView'));

export function ListPage({ entity: e }: { entity: Entity }) {
  const state = useListState(e);
  const { look, q, params, set, change } = state;
  const meta = useMeta();
  const phone = usePhone();
  const [, go] = useLocation();
  const [quick, setQuick] = useState(q);
  const [text, setText] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const kind = (look.kind || 'list') as Kind;
  const { where } = look;
  useTitle(state.view ? `${state.view.name} · ${e.label_plural}` : e.label_plural);
  const [settled, setSettled] = useState(false);
  // the rows first: to count them all may keep the server longer
  const total = useCount(e, where || undefined, state.ready && !q && (kind !== 'list' || settled));
  const refused = problem instanceof Problem ? problem.at('where') ?? (where && problem.code === 'too_costly' ? problem.message : undefined) : undefined;
  useEffect(() => setProblem(null), [where, q, kind]);
  useEffect(() => {
    if (quick.trim() === q) return;
    // gone with the page: a late one would lead back to it
    const timer = setTimeout(() => set({ q: quick.trim() || null }, true), 250);
    return () => clearTimeout(timer);
  }); // set knows the address of this drawing only
  useEffect(() => {
    const f = (ev: KeyboardEvent) => {
      if (ev.key === 'c' && !ev.ctrlKey && !ev.metaKey && !ev.altKey && can(e, 'create') && !(ev.target as HTMLElement).closest?.('input, textarea, select, [role=dialog], [role=listbox]')) { ev.preventDefault(); set({ new: '1' }); }
    };
    document.addEventListener('keydown', f);
    return () => document.removeEventListener('keydown', f);
  });
  const show = (k: string) => {
    const group = k === 'board' || k === 'chart' ? look.group || bestGroup(e, meta, k === 'board' ? boardable : groupable)?.name || '' : k === 'list' && !state.view?.look.group ? '' : look.group;
    change({ kind: k === 'list' ? '' : k, group });
  };
  const possible = KINDS.filter((k) => k === 'list' || (k === 'board' && e.fields.some(boardable)) || (k === 'chart' && e.fields.some(groupable)) || (k === 'calendar' && e.fields.some((f) => ['date', 'instant'].includes(f.kind) && !f.partial && !f.standard)) || (k === 'map' && e.fields.some((f) => f.kind === 'place' && !f.hidden)));
  const known = q ? undefined : total.data;
  const clear = () => { setQuick(''); state.clear(); };
  const body = { entity: e, state, total: known, onProblem: setProblem };
  return (
    <div className="page">
      <div className="bar">
        <Letter text={e.label} of={e.name} />
        <h1>{e.label_plural}</h1>
        <span className="num dim" role="status" data-testid="total">{known !== undefined ? number(known) : ''}</span>
        <span className="grow" />
        {possible.length > 1 && <Segments className="kinds" small label={t('kind.label')} value={kind} onChange={show} data={possible.map((k) => ({ value: k, label: t(`kind.${k}`) }))} />}
        {kind === 'list' && !phone && <ColumnsButton entity={e} state={state} />}
        <MoreMenu entity={e} state={state} />
        {can(e, 'create') && <Button size="xs" onClick={() => set({ new: '1' })}>{t('list.new')}</Button>}
      </div>
      <ViewTabs entity={e} state={state} />
      <div className="filterbar">
        <input className="plain q" data-quick aria-label={t('list.quick', { label: e.label_plural })} placeholder={t('list.quick.short')} value={quick} onChange={(ev) => setQuick(ev.currentTarget.value)} />
        <FilterBar entity={e} where={where} refused={refused} text={text} onText={setText} onChange={(w) => change({ where: w })} />
        <span className="tools">
          {kind === 'list' && <SortButton entity={e} state={state} />}
          {kind === 'list' && !phone && <GroupButton entity={e} state={state} />}
        </span>
      </div>
      {!state.ready ? <div className="grow" /> : refused ? <Empty title={t('list.refused')}><Button variant="default" onClick={clear}>{t('list.filter.clear')}</Button></Empty> : kind === 'board' ? <Board {...body} waiting={<div className="grow" />} /> : kind === 'chart' ? <ChartView {...body} waiting={<div className="grow" />} /> : kind === 'calendar' ? <CalendarView {...body} waiting={<div className="grow" />} /> : kind === 'map' ? <MapView {...body} waiting={<div className="grow" />} /> : <ListBody {...body} onSettled={setSettled} onClear={clear} />}
      {params.has('new') && <CreateDialog entity={e} opened onClose={() => set({ new: null }, true)} onDone={(r) => go(address(e, r.id))} />}
    </div>
  );
}
