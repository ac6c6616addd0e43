// Records of any entity with a date, on the days of a month or a week.
import { ActionIcon, Button, Group, NativeSelect, VisuallyHidden } from '@mantine/core';
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { useLocation } from 'wouter';
import { both } from '../expr/tree';
import { CreateDialog } from '../form/CreateDialog';
import type { BodyProps } from '../list/ListBody';
import { useWindows } from '../list/rows';
import { language, t } from '../locale/t';
import { address, can, titleOf, valueKind, type Entity, type Field, type Rec } from '../meta/meta';
import { colourOf, colourVar, Empty, ErrorState } from '../ui/bits';
import { Link } from '../ui/Link';
import { Segments } from '../ui/Segments';

const iso = (d: Date) => `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, '0')}-${String(d.getDate()).padStart(2, '0')}`;
const plus = (d: Date, days: number) => new Date(d.getFullYear(), d.getMonth(), d.getDate() + days);
const monday = (d: Date) => plus(d, -((d.getDay() + 6) % 7));
const day = (f: Field, v: string) => (valueKind(f) === 'date' ? v : iso(new Date(v)));
export const dated = (f: Field) => ['date', 'instant'].includes(valueKind(f)) && !f.partial && !['formula', 'rollup'].includes(f.kind) && !f.hidden && f.name !== 'deleted_at';
const best = (e: Entity) => { const w = (f: Field) => (f.standard ? 0 : f.indexed ? 4 : f.required ? 3 : f.group ? 1 : 2) + (f.read_only ? 0 : 1); return e.fields.filter(dated).sort((a, b) => w(b) - w(a))[0]; };

export default function CalendarView({ entity: e, state, onProblem }: BodyProps) {
  const { look, q, params } = state;
  const [, go] = useLocation();
  const [start, setStart] = useState<string | null>(null);
  const grid = useRef<HTMLDivElement>(null);
  const field = e.fields.find((f) => f.name === look.date && dated(f)) ?? best(e);
  const week = look.span === 'week';
  const at = useMemo(() => { const m = /^(\d{4})-(\d\d)-(\d\d)$/.exec(params.get('at') ?? ''); return m ? new Date(Number(m[1]), Number(m[2]) - 1, Number(m[3])) : new Date(); }, [params]);
  const first = monday(week ? at : new Date(at.getFullYear(), at.getMonth(), 1));
  const days = Array.from({ length: week ? 7 : Math.ceil(((new Date(at.getFullYear(), at.getMonth() + 1, 0).getTime() - first.getTime()) / 864e5 + 1) / 7 - 0.01) * 7 }, (_, i) => plus(first, i));
  const last = days[days.length - 1]!;
  const x = field?.name ?? 'id';
  const names = [...new Set(['id', 'version', ...(e.title ? [e.title] : []), x])].join(',');
  const run = useWindows(e, [{ fields: names, q: q || undefined, sort: x, limit: 200, where: both(look.where, `${x} >= ${iso(first)} and ${x} <= ${iso(last)}`) }], !!field)[0]!;
  useEffect(() => onProblem(run.error), [run.error, onProblem]);
  // a month holds at most so many: the rest is in the list
  useEffect(() => { if (run.more && run.rows.length < 1000) run.load(); });
  const by = useMemo(() => { const m = new Map<string, Rec[]>(); for (const r of run.rows) if (field && r[field.name]) { const k = day(field, r[field.name]); m.set(k, [...(m.get(k) ?? []), r]); } return m; }, [run.rows, field]);
  if (!field) return <Empty title={t('calendar.none')} />;
  if (run.error) return <ErrorState error={run.error} retry={run.again} />;
  const move = (by: number) => state.set({ at: iso(week ? plus(at, 7 * by) : new Date(at.getFullYear(), at.getMonth() + by, 1)) }, true);
  const clock = (v: string) => (valueKind(field) === 'instant' ? new Intl.DateTimeFormat(language(), { hour: '2-digit', minute: '2-digit' }).format(new Date(v)) : '');
  const today = iso(new Date());
  const title = week ? new Intl.DateTimeFormat(language(), { day: 'numeric', month: 'short', year: 'numeric' }).formatRange(first, last) : new Intl.DateTimeFormat(language(), { month: 'long', year: 'numeric' }).format(at);
  const most = week ? 40 : 3;
  function key(ev: KeyboardEvent) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[ev.key];
    const cell = (ev.target as HTMLElement).closest<HTMLElement>('[data-day]');
    if (ev.key === 'PageUp' || ev.key === 'PageDown') { ev.preventDefault(); return move(ev.key === 'PageUp' ? -1 : 1); }
    if (!step || !cell || ev.target !== cell) return;
    ev.preventDefault();
    const cells = [...grid.current!.querySelectorAll<HTMLElement>('[data-day]')];
    cells[cells.indexOf(cell) + step]?.focus();
  }
  return (
    <div className="calendar">
      <Group gap={8} px={18} pb={8} className="toolrow">
        <ActionIcon size={30} variant="default" aria-label={t('calendar.before')} onClick={() => move(-1)}>‹</ActionIcon>
        <Button size="xs" variant="default" onClick={() => state.set({ at: null }, true)}>{t('calendar.today')}</Button>
        <ActionIcon size={30} variant="default" aria-label={t('calendar.after')} onClick={() => move(1)}>›</ActionIcon>
        <h2 className="caltitle" aria-live="polite">{title}</h2>
        <span className="grow" />
        <NativeSelect size="xs" aria-label={t('calendar.date')} data={e.fields.filter(dated).map((f) => ({ value: f.name, label: f.label }))} value={field.name} onChange={(ev) => state.change({ date: ev.currentTarget.value })} />
        <Segments small label={t('calendar.span')} value={week ? 'week' : 'month'} onChange={(s) => state.change({ span: s === 'month' ? '' : s })} data={[{ value: 'month', label: t('unit.month') }, { value: 'week', label: t('calendar.week') }]} />
      </Group>
      <div className={week ? 'days week' : 'days'} ref={grid} role="grid" aria-label={title} aria-busy={run.pending} onKeyDown={key}>
        <div role="row" className="daynames">{days.slice(0, 7).map((d) => <div key={d.getDay()} role="columnheader">{new Intl.DateTimeFormat(language(), { weekday: 'short' }).format(d)}</div>)}</div>
        {Array.from({ length: days.length / 7 }, (_, w) => (
          <div role="row" className="weekrow" key={w}>
            {days.slice(w * 7, w * 7 + 7).map((d, i) => {
              const k = iso(d), list = by.get(k) ?? [];
              const out = !week && d.getMonth() !== at.getMonth();
              return (
                <div key={k} role="gridcell" data-day={k} tabIndex={k === iso(at) || (w === 0 && i === 0 && !days.some((y) => iso(y) === iso(at))) ? 0 : -1} className={(out ? 'day out' : 'day') + (k === today ? ' today' : '')}
                  onDoubleClick={(ev) => { if (ev.target === ev.currentTarget && can(e, 'create') && !field.read_only) setStart(k); }} onKeyDown={(ev) => { if (ev.key === 'Enter' && ev.target === ev.currentTarget && can(e, 'create') && !field.read_only) setStart(k); }}>
                  <time className="dayno num" dateTime={k}><span aria-hidden>{d.getDate()}</span><VisuallyHidden>{new Intl.DateTimeFormat(language(), { dateStyle: 'long' }).format(d)}</VisuallyHidden></time>
                  {list.slice(0, most).map((r) => <Link key={r.id} className="calitem" style={{ '--c': colourVar(colourOf(e.name)) } as React.CSSProperties} href={address(e, r.id)} title={titleOf(e, r)}>{clock(r[field.name]) && <small className="num">{clock(r[field.name])} </small>}{titleOf(e, r)}</Link>)}
                  {list.length > most && <Link className="reflink calmore" href={state.hrefOf({ kind: '', where: both(look.where, `${x} = ${k}`) ?? '' })}>{t('calendar.more', { n: list.length - most })}</Link>}
                </div>
              );
            })}
          </div>
        ))}
      </div>
      {start && <CreateDialog entity={e} opened start={{ [field.name]: valueKind(field) === 'date' ? start : new Date(`${start}T09:00`).toISOString() }} onClose={() => setStart(null)} onDone={(r) => { setStart(null); go(address(e, r.id)); }} />}
    </div>
  );
}
