// A segment: how many are in, why somebody is or is not, who came and went.
import { Button, Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { call } from '../../api/client';
import { Input } from '../../fields/Input';
import { ago, number } from '../../fields/format';
import { t } from '../../locale/t';
import { address, can, useMeta, type Field, type Rec } from '../../meta/meta';
import type { PanelProps } from '../../record/panel';
import { Complaint } from '../../ui/bits';
import { say, sayError } from '../../ui/undo';
import { leavesOf, type Why } from './why';
import '../features.css';

interface Explained { in: boolean; since?: string; why?: Why; next?: string }
interface Change { person: number; name: string; kind: string; at: string; cause: string }

function Explain({ record: r }: { record: Rec }) {
  const [person, setPerson] = useState<{ id: number; name: string } | null>(null);
  const q = useQuery({ queryKey: ['related', 'segment', r.id, 'explain', person?.id], enabled: !!person, retry: false, queryFn: async ({ signal }) => (await call<Explained>('POST', `/segments/${r.id}/explain`, { person: person!.id }, {}, signal)).data });
  const whom = { name: 'person', label: t('seg.person'), kind: 'reference', target: 'contact' } as unknown as Field;
  return (
    <section className="panelpart" aria-label={t('seg.why')}>
      <h2>{t('seg.why')}</h2>
      <div style={{ maxWidth: 360 }}><Input field={whom} label={t('seg.person')} value={person} onChange={setPerson} /></div>
      <Complaint error={q.error} />
      {q.data && person && (
        <div style={{ marginTop: 10 }} role="status">
          <p className="verdict">{q.data.in ? t('seg.in', { name: person.name }) : t('seg.out', { name: person.name })}{q.data.since && ' ' + t('seg.since', { at: ago(q.data.since) })}{q.data.next && ' ' + t('seg.next', { at: new Date(q.data.next).toLocaleString() })}</p>
          {q.data.why && <ul className="leaves">{leavesOf(q.data.why).map((l, i) => <li key={i}><span className={l.yes ? 'yes' : 'no'}>{l.yes ? t('yes') : t('no')}</span><code>{l.text}</code>{l.value !== undefined && <span className="dim">{t('seg.value', { value: l.value })}</span>}</li>)}</ul>}
        </div>
      )}
    </section>
  );
}

function Moves({ record: r }: { record: Rec }) {
  const people = useMeta().entity('contact')!;
  const q = useQuery({ queryKey: ['related', 'segment', r.id, 'changes'], queryFn: async ({ signal }) => (await call<{ items: Change[] }>('POST', `/segments/${r.id}/changes`, {}, {}, signal)).data.items });
  if (!q.data) return <Skeleton height={60} aria-label={t('loading')} />;
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
  const href = `${address(people)}?${new URLSearchParams({ view: '0', where: `in_segment('${r.code}')` })}`;
  return (
    <div>
      <div className="panelbar">
        <Link className="reflink" href={href}><b>{t('seg.size', { n: number(r.size ?? 0) })}</b></Link>
        {r.state === 'building' && <span className="dim" role="status">{t('seg.building')}</span>}
        {r.kind === 'live' && can(e, 'update') && <Button size="compact-sm" variant="default" onClick={() => { call('POST', `/segments/${r.id}/build`, {}).then(() => say('segment', t('seg.checking'))).catch(sayError); }}>{t('seg.check')}</Button>}
      </div>
      {r.error && <Complaint error={new Error(r.error)} />}
      {r.where && <Explain record={r} />}
      <Moves record={r} />
    </div>
  );
}
