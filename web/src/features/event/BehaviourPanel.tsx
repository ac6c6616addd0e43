// What a person did: how often by day and name, and the newest events one by one.
import { Button } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { call } from '../../api/client';
import { date, instant, number } from '../../fields/format';
import { t } from '../../locale/t';
import type { PanelProps } from '../../record/panel';
import { ErrorState, Loading } from '../../ui/bits';
import '../features.css';

interface Day { name: string; day: string; count: number }
interface Happened { name: string; at: string; url?: string; title?: string; properties?: Record<string, unknown> }
interface Shown { days: Day[]; events: Happened[] }
const PAGE = 50; // events that the action answers with

export default function BehaviourPanel({ record: r }: PanelProps) {
  const q = useInfiniteQuery({
    queryKey: ['related', 'contact', r.id, 'events'], initialPageParam: '',
    queryFn: async ({ pageParam, signal }) => (await call<Shown>('POST', `/contacts/${r.id}/events`, pageParam ? { before: pageParam } : {}, {}, signal)).data,
    getNextPageParam: (last) => (last.events.length === PAGE ? last.events[PAGE - 1]!.at : undefined),
  });
  if (q.error && !q.data) return <ErrorState error={q.error} retry={() => void q.refetch()} />;
  if (!q.data) return <Loading height={120} />;
  const days = q.data.pages[0]!.days, events = q.data.pages.flatMap((p) => p.events);
  if (!events.length && !days.length) return <p className="dim">{t('event.none')}</p>;
  const totals = new Map<string, number>();
  for (const d of days) totals.set(d.name, (totals.get(d.name) ?? 0) + d.count);
  return (
    <>
      <ul className="figures" aria-label={t('event.counts')}>
        {[...totals].sort((a, b) => b[1] - a[1]).slice(0, 8).map(([name, n]) => <li key={name}><span className="plain"><b>{number(n)}</b><small>{name}</small></span></li>)}
      </ul>
      <section className="panelpart" aria-label={t('event.newest')}>
        <h2>{t('event.newest')}</h2>
        <ul className="leaves">
          {events.map((e, i) => (
            <li key={i}>
              <b>{e.name}</b>
              <span>{[e.title || e.url, ...Object.entries(e.properties ?? {}).map(([k, v]) => `${k}: ${typeof v === 'object' ? JSON.stringify(v) : String(v)}`)].filter(Boolean).join(' · ')}</span>
              <span className="dim num">{instant(e.at)}</span>
            </li>
          ))}
        </ul>
        {q.hasNextPage && <Button mt="sm" size="xs" variant="default" loading={q.isFetchingNextPage} onClick={() => void q.fetchNextPage()}>{t('more')}</Button>}
      </section>
      {days.length > 0 && <p className="dim">{t('event.since', { day: date(days[days.length - 1]!.day) })}</p>}
    </>
  );
}
