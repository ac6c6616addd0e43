// A segment: how many are in, why somebody is or is not, who came and went.
import { Button, Group } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { PersonInput, type Person } from '../../fields/PersonInput';
import { ago, instant, number } from '../../fields/format';
import { t } from '../../locale/t';
import { address, listOf, mayRun, useMeta, type Rec } from '../../meta/meta';
import type { PanelProps } from '../../record/panel';
import { Complaint, ErrorState, Loading } from '../../ui/bits';
import { Link } from '../../ui/Link';
import { say, sayError } from '../../ui/undo';
import { leavesOf, type Why } from './why';
import '../features.css';

interface Explained { in: boolean; since?: string; why?: Why; next?: string }
interface Change { person: number; name: string; kind: string; at: string; cause: string }

function Explain({ record: r }: { record: Rec }) {
  const [person, setPerson] = useState<Person>(null);
  const q = useQuery({ queryKey: ['related', 'segment', r.id, 'explain', person?.id], enabled: !!person, retry: false, queryFn: async ({ signal }) => (await call<Explained>('POST', `/segments/${r.id}/explain`, { person: person!.id }, {}, signal)).data });
  return (
    <section className="panelpart" aria-label={t('seg.why')}>
      <h2>{t('seg.why')}</h2>
      <div style={{ maxWidth: 360 }}><PersonInput label={t('seg.person')} value={person} onChange={setPerson} /></div>
      <Complaint error={q.error} />
      {q.data && person && (
        <div style={{ marginTop: 10 }} role="status">
          <p className="verdict">{q.data.in ? t('seg.in', { name: person.name }) : t('seg.out', { name: person.name })}{q.data.since && ' ' + t('seg.since', { at: ago(q.data.since) })}{q.data.next && ' ' + t('seg.next', { at: instant(q.data.next) })}</p>
          {q.data.why && <ul className="leaves">{leavesOf(q.data.why).map((l, i) => <li key={i}><span className={l.yes ? 'yes' : 'no'}>{l.yes ? t('yes') : t('no')}</span><code>{l.text}</code>{l.value !== undefined && <span className="dim">{t('seg.value', { value: l.value })}</span>}</li>)}</ul>}
        </div>
      )}
    </section>
  );
}

function ByHand({ record: r }: { record: Rec }) {
  const client = useQueryClient();
  const [person, setPerson] = useState<Person>(null);
  const [error, setError] = useState<unknown>(null);
  async function put(name: 'add' | 'remove') {
    setError(null);
    try {
      await call('POST', `/segments/${r.id}/${name}`, { ids: [person!.id] });
      say('segment', t(name === 'add' ? 'seg.added' : 'seg.removed', { name: person!.name }));
      setPerson(null);
      await client.invalidateQueries({ queryKey: ['record', 'segment', r.id] });
      await client.invalidateQueries({ queryKey: ['related'] });
    } catch (x) { setError(x); }
  }
  return (
    <section className="panelpart" aria-label={t('seg.members')}>
      <h2>{t('seg.members')}</h2>
      <Group gap={8} align="flex-end">
        <div style={{ flex: 1, minWidth: 200, maxWidth: 360 }}><PersonInput label={t('seg.person')} value={person} onChange={setPerson} /></div>
        <Button variant="default" disabled={!person} onClick={() => void put('add')}>{t('seg.add')}</Button>
        <Button variant="default" disabled={!person} onClick={() => void put('remove')}>{t('seg.remove')}</Button>
      </Group>
      <Complaint error={error} />
    </section>
  );
}

function Moves({ record: r }: { record: Rec }) {
  const people = useMeta().entity('contact')!;
  const q = useQuery({ queryKey: ['related', 'segment', r.id, 'changes'], queryFn: async ({ signal }) => (await call<{ items: Change[] }>('POST', `/segments/${r.id}/changes`, {}, {}, signal)).data.items });
  if (q.error) return <ErrorState error={q.error} retry={() => void q.refetch()} />;
  if (!q.data) return <Loading height={60} />;
  return (
    <section className="panelpart" aria-label={t('seg.moves')}>
      <h2>{t('seg.moves')}</h2>
      {q.data.length === 0 ? <p className="dim">{t('seg.nomoves')}</p> : <ul className="leaves">{q.data.slice(0, 30).map((c, i) => <li key={i}><span className={c.kind === 'entered' ? 'yes' : 'no'}>{c.kind === 'entered' ? t('seg.entered') : t('seg.left')}</span><Link className="reflink" href={address(people, c.person)}>{c.name || t('seg.who', { id: c.person })}</Link><span className="dim" style={{ marginInlineStart: 'auto' }}>{ago(c.at)}</span></li>)}</ul>}
    </section>
  );
}

export default function SegmentPanel({ entity: e, record: r }: PanelProps) {
  const people = useMeta().entity('contact');
  if (!people) return null;
  return (
    <div>
      <div className="panelbar">
        <Link className="reflink" href={listOf(people, `in_segment('${r.code}')`)}><b>{t('seg.size', { n: number(r.size ?? 0) })}</b></Link>
        {r.state === 'building' && <span className="dim" role="status">{t('seg.building')}</span>}
        {r.kind === 'live' && mayRun(e, 'build') && <Button size="compact-sm" variant="default" onClick={() => { call('POST', `/segments/${r.id}/build`, {}).then(() => say('segment', t('seg.checking'))).catch(sayError); }}>{t('seg.check')}</Button>}
      </div>
      {r.error && <Complaint error={new Error(r.error)} />}
      {r.kind === 'static' && mayRun(e, 'add') && <ByHand record={r} />}
      {r.where && <Explain record={r} />}
      <Moves record={r} />
    </div>
  );
}
