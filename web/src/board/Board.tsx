// A board: a column for each value of a field, cards dragged, or moved by menu and the key M.
import { draggable, dropTargetForElements, monitorForElements } from '@atlaskit/pragmatic-drag-and-drop/element/adapter';
import { Button, Group, Skeleton, TextInput } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { useLocation } from 'wouter';
import { call, Problem } from '../api/client';
import { isEmpty, number, toServer } from '../fields/format';
import { CreateDialog } from '../form/CreateDialog';
import { CardValue } from '../list/Cards';
import { bestGroup, boardable, shownColumns } from '../list/columns';
import { groupOf, useGroups, within, type Group as Col } from '../list/groups';
import type { BodyProps } from '../list/ListBody';
import { patchRows, pick, useWindows, type Ask, type Windows } from '../list/rows';
import { GroupPicker } from '../list/GroupPicker';
import { MeasurePicker, measureWords } from '../list/measure';
import { t } from '../locale/t';
import { address, can, titleOf, useMeta, type Entity, type Field, type Rec } from '../meta/meta';
import { useChoice } from '../fields/Display';
import { colourVar, Empty, ErrorState } from '../ui/bits';
import { Menu } from '../ui/Drop';
import { Link } from '../ui/Link';
import { sayError, undoable } from '../ui/undo';

const MOST = 40; // more columns than that are a list

function Card({ entity: e, row: r, fields, columns, here, may, onMove, menu, onMenu }: { entity: Entity; row: Rec; fields: Field[]; columns: Col[]; here: Col; may: boolean; onMove: (to: Col) => void; menu: boolean; onMenu: (open: boolean) => void }) {
  const box = useRef<HTMLDivElement>(null);
  const [dragging, setDragging] = useState(false);
  useEffect(() => {
    if (!box.current || !may) return;
    return draggable({ element: box.current, getInitialData: () => ({ id: r.id, from: here.key }), onDragStart: () => setDragging(true), onDrop: () => setDragging(false) });
  }, [r.id, here.key, may]);
  const name = titleOf(e, r);
  return (
    <div className={dragging ? 'bcard dragging' : 'bcard'} ref={box} data-card={r.id} role="listitem">
      <div className="bcardhead">
        <Link className="rowlink grow" data-focus href={address(e, r.id)}>{name}</Link>
        {may && (
          <Menu opened={menu} onChange={onMenu} target={<button type="button" className="more" aria-label={t('board.move', { name })}>⋯</button>}
            lines={[{ head: t('board.moveto') }, ...columns.filter((c) => c !== here).map((c) => ({ label: c.label, run: () => onMove(c) }))]} />
        )}
      </div>
      {fields.filter((f) => !isEmpty(r[f.name])).slice(0, 4).map((f) => <div key={f.name} className="bfield"><CardValue f={f} v={r[f.name]} /></div>)}
    </div>
  );
}

function Quick({ entity: e, field, value, onDone, onMore }: { entity: Entity; field: Field; value: unknown; onDone: () => void; onMore: (start: Record<string, unknown>) => void }) {
  const title = e.fields.find((f) => f.name === e.title);
  const simple = title && title.right === 'write' && !title.read_only && ['text', 'long_text'].includes(title.kind) && !e.fields.some((f) => f.required && f !== title && f !== field);
  const [text, setText] = useState<string | null>(null);
  const [error, setError] = useState<string | undefined>();
  const start = { [field.name]: value };
  if (text === null) return <Button size="compact-sm" variant="subtle" color="gray" justify="flex-start" onClick={() => (simple ? setText('') : onMore(start))}>+ {t('board.add')}</Button>;
  return (
    <TextInput size="xs" autoFocus aria-label={title!.label} placeholder={title!.label} value={text} error={error} onChange={(ev) => setText(ev.currentTarget.value)} onBlur={() => { if (!text.trim()) setText(null); }}
      onKeyDown={(ev) => {
        if (ev.key === 'Escape') setText(null);
        if (ev.key !== 'Enter' || !text.trim()) return;
        call('POST', `/${e.plural}`, { [title!.name]: text.trim(), [field.name]: toServer(field, value) }).then(() => { setText(''); setError(undefined); onDone(); }, (x: unknown) => setError(x instanceof Problem ? x.errors[0]?.message ?? x.message : String(x)));
      }} />
  );
}

function Column({ entity: e, col, cols, run, fields, field, may, menu, onMenu, onMove, onAdded, onMore, counted, money: sum }: { entity: Entity; col: Col; cols: Col[]; run: Windows | undefined; fields: Field[]; field: Field; may: boolean; menu: number | null; onMenu: (id: number | null) => void; onMove: (r: Rec, from: Col, to: Col) => void; onAdded: () => void; onMore: (start: Record<string, unknown>) => void; counted: boolean; money: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [over, setOver] = useState(false);
  const choice = useChoice(field);
  useEffect(() => { if (box.current) return dropTargetForElements({ element: box.current, getData: () => ({ to: col.key }), canDrop: ({ source }) => source.data.from !== col.key, onDragEnter: () => setOver(true), onDragLeave: () => setOver(false), onDrop: () => setOver(false) }); }, [col.key]);
  return (
    <section ref={box} className={over ? 'bcol over' : 'bcol'} aria-label={col.label} data-col={col.key}>
      <header className="bhead" style={{ '--c': col.code ? colourVar(choice(col.code).colour) : undefined } as React.CSSProperties}><b className="cut">{col.label}</b><span className="num dim" data-count>{counted ? number(col.count) : ''}</span><span className="grow" />{sum && <span className="num dim">{sum}</span>}</header>
      <div className="bcards" role="list" aria-label={col.label} tabIndex={0}>
        {!run || run.pending ? Array.from({ length: Math.min(3, col.count) }, (_, i) => <Skeleton key={i} height={64} radius="md" />) : run.error ? <ErrorState error={run.error} retry={run.again} />
          : run.rows.map((r) => <Card key={r.id} entity={e} row={r} fields={fields} columns={cols} here={col} may={may} menu={menu === r.id} onMenu={(o) => onMenu(o ? r.id : null)} onMove={(to) => onMove(r, col, to)} />)}
      </div>
      {run?.more && <Button size="compact-sm" variant="subtle" onClick={run.load}>{t('more')}</Button>}
      {can(e, 'create') && <Quick entity={e} field={field} value={col.value} onDone={onAdded} onMore={onMore} />}
    </section>
  );
}

export default function Board({ entity: e, state, onProblem }: BodyProps) {
  const { look, q } = state;
  const meta = useMeta();
  const client = useQueryClient();
  const [, go] = useLocation();
  const [menu, setMenu] = useState<number | null>(null);
  const [start, setStart] = useState<Record<string, unknown> | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const text = look.group || bestGroup(e, meta, boardable)?.name || '';
  const by = groupOf(e, text);
  const measure = look.measure;
  const groups = useGroups(e, by, { where: look.where || undefined, measure: measure || undefined, all: true, limit: MOST + 1 });
  const cols = useMemo(() => (groups.data ?? []).slice(0, MOST), [groups.data]);
  const fields = useMemo(() => shownColumns(e, look.cols).slice(1).map((c) => c.field).filter((f) => f !== by?.field && f.name !== 'created_at'), [e, look.cols, by?.field]);
  const names = [...new Set(['id', 'version', ...(e.title ? [e.title] : []), by?.field.name ?? 'id', ...fields.map((f) => f.name)])].join(',');
  const asks: Ask[] = cols.map((c) => ({ fields: names, q: q || undefined, sort: look.sort || undefined, where: within(c, look.where), limit: 50 }));
  const runs = useWindows(e, asks, !!by);
  useEffect(() => onProblem(groups.error), [groups.error, onProblem]);
  const may = !!by && can(e, 'update') && boardable(by.field);

  async function put(r: Rec, from: Col, to: Col) {
    const field = by!.field;
    const find = (c: Col) => ['list', e.name, asks[cols.findIndex((x) => x.key === c.key)]];
    type Kept = { pages: { items: Rec[]; next: string | null }[] };
    const moved = { ...r, [field.name]: to.value };
    // at once on the screen; put back where the server says no
    const before = [from, to].map((c) => [find(c), client.getQueryData<Kept>(find(c))] as const);
    client.setQueryData<Kept>(find(from), (old) => old && { ...old, pages: old.pages.map((p) => ({ ...p, items: p.items.filter((x) => x.id !== r.id) })) });
    client.setQueryData<Kept>(find(to), (old) => old && { ...old, pages: old.pages.map((p, i) => (i ? p : { ...p, items: [moved, ...p.items.filter((x) => x.id !== r.id)] })) });
    client.setQueriesData<Col[]>({ queryKey: ['count', e.name, 'groups', by!.text] }, (old) => old?.map((c) => (c.key === from.key ? { ...c, count: c.count - 1 } : c.key === to.key ? { ...c, count: c.count + 1 } : c)));
    try {
      const { data } = await call<Rec>('PATCH', `/${e.plural}/${r.id}`, { [field.name]: toServer(field, to.value) });
      patchRows(client, e, r.id, (old) => ({ ...old, ...pick(data, old) }));
      return data;
    } catch (x) {
      for (const [key, data] of before) client.setQueryData(key, data);
      throw x;
    } finally {
      void client.invalidateQueries({ queryKey: ['count', e.name] });
    }
  }
  const move = (r: Rec, from: Col, to: Col) => put(r, from, to).then((data) => undoable(t('board.moved', { name: titleOf(e, r), to: to.label }), () => put(data, to, from)), sayError);
  const latest = useRef(move);
  latest.current = move;
  useEffect(() => monitorForElements({
    onDrop: ({ source, location }) => {
      const to = cols.find((c) => c.key === location.current.dropTargets[0]?.data.to), from = cols.find((c) => c.key === source.data.from);
      const row = from && runs[cols.indexOf(from)]?.rows.find((r) => r.id === source.data.id);
      if (from && to && row) void latest.current(row, from, to);
    },
  }), [cols, runs]);

  function key(ev: KeyboardEvent) {
    if ((ev.target as HTMLElement).closest('input, textarea, [role=menu]') || ev.ctrlKey || ev.metaKey || ev.altKey) return;
    const card = (document.activeElement as HTMLElement | null)?.closest<HTMLElement>('[data-card]');
    if (ev.key === 'm' && card && may) { ev.preventDefault(); return setMenu(Number(card.dataset.card)); }
    const d = { ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0], j: [0, 1], k: [0, -1] }[ev.key];
    if (!d || !box.current) return;
    const columns = [...box.current.querySelectorAll<HTMLElement>('[data-col]')].map((c) => [...c.querySelectorAll<HTMLElement>('[data-card]')]);
    let x = columns.findIndex((c) => card && c.includes(card)), y = x >= 0 ? columns[x]!.indexOf(card!) : 0;
    if (x < 0) x = columns.findIndex((c) => c.length > 0);
    else if (d[0]) { do x += d[0]!; while (x >= 0 && x < columns.length && !columns[x]!.length); y = Math.min(y, (columns[x]?.length ?? 1) - 1); } else y += d[1]!;
    const next = columns[x]?.[y]?.querySelector<HTMLElement>('[data-focus]');
    if (next) { ev.preventDefault(); next.focus(); }
  }
  if (!by) return <Empty title={t('board.none')} />;
  if (groups.error) return <ErrorState error={groups.error} retry={() => void groups.refetch()} />;
  return (
    <div className="board" ref={box} onKeyDown={key}>
      <Group gap={8} px={18} pb={8} className="toolrow">
        <span className="dim">{t('board.by')}</span><GroupPicker entity={e} label={t('board.by')} fit={boardable} value={text} onChange={(group) => state.change({ group })} />
        <span className="dim">{t('board.sum')}</span><MeasurePicker entity={e} label={t('board.sum')} value={measure} sums none={t('board.nosum')} onChange={(m) => state.change({ measure: m })} />
        {(groups.data?.length ?? 0) > MOST && <span role="status">{t('board.many', { n: MOST })}</span>}
      </Group>
      <div className="bcols" tabIndex={0} role="region" aria-label={t('board.label', { label: by.field.label })}>
        {groups.isPending ? Array.from({ length: 5 }, (_, i) => <Skeleton key={i} className="bcol" height={300} radius="md" />) : cols.map((c, i) => (
          <Column key={c.key} entity={e} col={c} cols={cols} run={runs[i]} fields={fields} field={by.field} may={may} menu={menu} onMenu={setMenu} counted={!q} onMove={(r, a, b) => void move(r, a, b)} money={measure && !q ? measureWords(e, measure, c.sum) : ''}
            onAdded={() => { void client.invalidateQueries({ queryKey: ['list', e.name] }); void client.invalidateQueries({ queryKey: ['count', e.name] }); }} onMore={setStart} />
        ))}
      </div>
      {start && <CreateDialog entity={e} opened start={start} onClose={() => setStart(null)} onDone={(r) => { setStart(null); go(address(e, r.id)); }} />}
    </div>
  );
}
