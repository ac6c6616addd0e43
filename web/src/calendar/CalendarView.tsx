// Records of any entity with a date, on the days of a month or a week. A date that may lack its year, as a birthday, comes every year.
import { ActionIcon, Button, Group, NativeSelect, VisuallyHidden } from '@mantine/core';
import { useEffect, useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { useQuery } from '@tanstack/react-query';
import { useLocation } from 'wouter';
import { get } from '../api/client';
import { both } from '../expr/tree';
import { CreateDialog } from '../form/CreateDialog';
import type { BodyProps } from '../list/ListBody';
import { useWindows } from '../list/rows';
import { language, t } from '../locale/t';
import { groupsOf } from '../record/layout';
import { address, can, titleOf, useMeta, valueKind, type Entity, type Field, type Meta, type Rec } from '../meta/meta';
import { colourOf, colourVar, Empty, ErrorState } from '../ui/bits';
import { Link } from '../ui/Link';
import { Segments } from '../ui/Segments';

const iso = (d: Date) => `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, '0')}-${String(d.getDate()).padStart(2, '0')}`;
const plus = (d: Date, days: number) => new Date(d.getFullYear(), d.getMonth(), d.getDate() + days);
/** The day with which its week begins; `start`: 1 Monday to 7 Sunday. */
const weekOf = (d: Date, start: number) => plus(d, -((d.getDay() - start + 7) % 7));
const day = (f: Field, v: string) => (valueKind(f) === 'date' ? v : iso(new Date(v)));
export const dated = (f: Field) => ['date', 'instant'].includes(valueKind(f)) && !['formula', 'rollup'].includes(f.kind) && !f.hidden && f.name !== 'deleted_at';
/** What one means by the calendar of these: a date that people fill in, one by which they are looked for first, in the order of the layout. */
const best = (e: Entity, meta: Meta) => {
  const all = groupsOf(meta, e).groups.flatMap((g) => g.fields).filter((f) => dated(f) && !f.standard && !f.read_only);
  return all.find((f) => f.indexed) ?? all[0] ?? e.fields.filter(dated).sort((a, b) => Number(!!a.standard) - Number(!!b.standard))[0];
};
const two = (n: number) => String(n).padStart(2, '0');
/** Whose day in the year lies between two days: told by how far off the next one is, which is known of dates without a year as well. */
function yearly(x: string, from: Date, to: Date): string {
  const now = new Date(), today = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  const off = (d: Date) => [0, 1].map((y) => Math.round((+new Date(today.getFullYear() + y, d.getMonth(), d.getDate()) - +today) / 864e5)).find((n) => n >= 0)!;
  const a = off(from), b = off(to);
  const later = a > 0 ? ` ${a <= b ? 'and' : 'or'} not anniversary_in(${x}, ${a - 1}d)` : '';
  return `${x} is not empty and (anniversary_in(${x}, ${b}d)${later})`;
}
/** On which of the days shown a value stands: of one that comes every year, its day in the year on the screen. */
const dayIn = (f: Field, v: string, days: Date[]) => {
  if (!f.partial) return day(f, v);
  const m = /(\d\d)-(\d\d)$/.exec(v.replace(/^\d{4}$/, ''));
  const found = m && days.find((d) => two(d.getMonth() + 1) === m[1] && two(d.getDate()) === m[2]);
  return found ? iso(found) : '';
};

export default function CalendarView({ entity: e, state, onProblem }: BodyProps) {
  const { look, q, params } = state;
  const meta = useMeta();
  const [, go] = useLocation();
  const [start, setStart] = useState<string | null>(null);
  const grid = useRef<HTMLDivElement>(null);
  const field = e.fields.find((f) => f.name === look.date && dated(f)) ?? best(e, meta);
  const week = look.span === 'week';
  const at = useMemo(() => { const m = /^(\d{4})-(\d\d)-(\d\d)$/.exec(params.get('at') ?? ''); return m ? new Date(Number(m[1]), Number(m[2]) - 1, Number(m[3])) : new Date(); }, [params]);
  const begins = useQuery({ queryKey: ['settings', 'values'], staleTime: Infinity, retry: false, queryFn: ({ signal }) => get<{ items: { name: string; value?: unknown }[] }>('/settings', {}, signal) });
  const first = weekOf(week ? at : new Date(at.getFullYear(), at.getMonth(), 1), Number(begins.data?.items.find((s) => s.name === 'week.starts_on')?.value) || 1);
  const days = useMemo(() => Array.from({ length: week ? 7 : Math.ceil(((new Date(at.getFullYear(), at.getMonth() + 1, 0).getTime() - first.getTime()) / 864e5 + 1) / 7 - 0.01) * 7 }, (_, i) => plus(first, i)), [week, at, +first]);
  const last = days[days.length - 1]!;
  const x = field?.name ?? 'id';
  const names = [...new Set(['id', 'version', ...(e.title ? [e.title] : []), x])].join(',');
  const span = field?.partial ? yearly(x, first, last) : `${x} >= ${iso(first)} and ${x} <= ${iso(last)}`;
  const run = useWindows(e, [{ fields: names, q: q || undefined, sort: x, limit: 200, where: both(look.where, span) }], !!field)[0]!;
  useEffect(() => onProblem(run.error), [run.error, onProblem]);
  // a month holds at most so many: the rest is in the list
  useEffect(() => { if (run.more && run.rows.length < 1000) run.load(); });
  const by = useMemo(() => { const m = new Map<string, Rec[]>(); for (const r of run.rows) if (field && r[field.name]) { const k = dayIn(field, r[field.name], days); m.set(k, [...(m.get(k) ?? []), r]); } return m; }, [run.rows, field, days]);
  if (!field) return <Empty title={t('calendar.none')} />;
  if (run.error) return <ErrorState error={run.error} retry={run.again} />;
  const move = (by: number) => state.set({ at: iso(week ? plus(at, 7 * by) : new Date(at.getFullYear(), at.getMonth() + by, 1)) }, true);
  const clock = (v: string) => (valueKind(field) === 'instant' ? new Intl.DateTimeFormat(language(), { hour: 'numeric', minute: '2-digit' }).format(new Date(v)) : '');
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
                  {list.length > most && <Link className="reflink calmore" href={state.hrefOf({ kind: '', where: both(look.where, field.partial ? yearly(x, d, d) : `${x} = ${k}`) ?? '' })}>{t('calendar.more', { n: list.length - most })}</Link>}
                </div>
              );
            })}
          </div>
        ))}
      </div>
      {start && <CreateDialog entity={e} opened start={{ [field.name]: field.partial ? '-' + start.slice(4) : valueKind(field) === 'date' ? start : new Date(`${start}T09:00`).toISOString() }} onClose={() => setStart(null)} onDone={(r) => { setStart(null); go(address(e, r.id)); }} />}
    </div>
  );
}
