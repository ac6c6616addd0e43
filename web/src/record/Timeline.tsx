import { Button, Group, Skeleton, Stack } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { get } from '../api/client';
import { Display } from '../fields/Display';
import { ago, date, instant, plainText } from '../fields/format';
import { t, type Key } from '../locale/t';
import { address, alarmOf, can, titleOf, useMeta, type Entity, type Rec } from '../meta/meta';
import { Chip, Empty, ErrorState, Letter } from '../ui/bits';
import { Link } from '../ui/Link';
import { bodyOf, Composer, linkOf } from './Composer';

interface Mail { name: string; state: string; opened_at?: string; clicked_at?: string; campaign?: number }
/** An activity, or something that is no record: a mail that was sent. */
type Item = { id: number; at: string } & ({ entity: string; record: Rec } | { entity?: undefined; what: 'mail'; mail: Mail });
const kindOf = (i: Item) => i.entity ?? i.what;

const day = (iso: string) => { const d = new Date(iso); return `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, '0')}-${String(d.getDate()).padStart(2, '0')}`; };

/** A mail that went to the person, and what became of it. */
function MailEntry({ at, mail: m, heading }: { at: string; mail: Mail; heading: ReactNode }) {
  const meta = useMeta();
  const campaigns = meta.entity('campaign');
  const became = m.state !== 'accepted' ? m.state : m.clicked_at ? 'clicked' : m.opened_at ? 'opened' : 'sent';
  return (
    <li className="entry" style={{ display: 'grid' }}>
      {heading}
      <Letter text={t('timeline.mail')} of="mail" />
      <Group gap={8} wrap="wrap">
        {m.campaign && campaigns && can(campaigns, 'read') ? <Link className="rowlink" href={address(campaigns, m.campaign)}>{m.name}</Link> : <b>{m.name}</b>}
        <Chip label={t(`camp.figure.${became}` as Key)} colour={became === 'clicked' || became === 'opened' ? 'green' : became === 'sent' ? undefined : 'red'} plain={became === 'sent'} />
        <time className="when" dateTime={at} title={instant(at)}>{ago(at)}</time>
      </Group>
    </li>
  );
}

export function Timeline({ entity: e, id, first }: { entity: Entity; id: number; first?: string }) {
  const meta = useMeta();
  const list = useInfiniteQuery({
    queryKey: ['timeline', e.name, id], initialPageParam: '', getNextPageParam: (last: { items: Item[]; next: string | null }) => last.next,
    queryFn: ({ pageParam, signal }) => get<{ items: Item[]; next: string | null }>(`/${e.plural}/${id}/timeline`, { limit: 30, before: pageParam }, signal),
  });
  const order = (a: Entity) => (a.fields.find((f) => f.name === a.title)?.required ? 1 : 0);
  const makes = meta.raw.entities.filter((a) => a.activity && can(a, 'create') && linkOf(a, e)).sort((a, b) => order(a) - order(b));
  const [kind, setKind] = useState('');
  const every = list.data?.pages.flatMap((p) => p.items) ?? [];
  const kinds = [...new Set(every.map(kindOf))];
  const pin = (i: Item) => i.entity !== undefined && i.record.pinned === true;
  const some = every.filter((i) => !kind || kindOf(i) === kind);
  // what is pinned stands above the days
  const items = [...some.filter(pin), ...some.filter((i) => !pin(i))];
  const heading = (i: Item) => (pin(i) ? t('timeline.pinned') : date(day(i.at)));
  return (
    <>
      {makes.length > 0 && <Composer entity={e} id={id} makes={makes} first={first} />}
      {kinds.length > 1 && <Group gap={4} role="group" aria-label={t('timeline.show')}>{['', ...kinds].map((k) => <Button key={k} size="compact-xs" variant={k === kind ? 'filled' : 'default'} aria-pressed={k === kind} onClick={() => setKind(k)}>{k === 'mail' ? t('timeline.mails') : k ? meta.entity(k)?.label_plural ?? k : t('timeline.everything')}</Button>)}</Group>}
      {list.error ? <ErrorState error={list.error} retry={() => void list.refetch()} /> : list.isPending ? <Stack gap={10} pt="sm">{[1, 2, 3].map((i) => <Skeleton key={i} height={44} />)}</Stack> : items.length === 0 ? <Empty title={t('timeline.empty')} /> : null}
      <ol className="plainlist" aria-label={t('record.timeline')} style={{ display: 'block' }}>
        {items.map((i, at) => {
          const begins = (at === 0 || heading(items[at - 1]!) !== heading(i)) && <div className="groupname whole">{heading(i)}</div>;
          if (i.entity === undefined) return <MailEntry key={'mail' + i.id} at={i.at} mail={i.mail} heading={begins} />;
          const a = meta.entity(i.entity);
          if (!a) return null;
          const body = bodyOf(a);
          const text = body && i.record[body.name] ? plainText(i.record[body.name]) : '';
          const name = a.title && i.record[a.title] ? titleOf(a, i.record) : a.label;
          return (
            <li key={i.entity + i.id} className="entry" style={{ display: 'grid' }}>
              {begins}
              <Letter text={a.label} of={a.name} />
              <div style={{ minWidth: 0 }}>
                <Group gap={8} wrap="wrap"><Link className="rowlink" href={address(a, i.id)}>{name}</Link>{a.fields.filter((f) => f.kind === 'choice' && f.name === 'status' && i.record[f.name]).map((f) => <Display key={f.name} field={f} value={i.record[f.name]} />)}{a.fields.filter((f) => alarmOf(a, f) && i.record[f.alarm!] === true).map((f) => <b key={f.name} className="alarm">{alarmOf(a, f)!.label}</b>)}<time className="when" dateTime={i.at} title={instant(i.at)}>{ago(i.at)}</time>{i.record.owner?.name && <span className="when">{i.record.owner.name}</span>}</Group>
                {text && <div className="bodytext">{text}</div>}
              </div>
            </li>
          );
        })}
      </ol>
      {list.hasNextPage && <Button mt="sm" variant="default" size="xs" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>{t('more')}</Button>}
    </>
  );
}
