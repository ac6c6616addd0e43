// A campaign: before it starts how many it would reach, afterwards what became of it and what it brought.
import { Button, Group, Modal, Stack } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { instant, money, number } from '../../fields/format';
import { t, type Key } from '../../locale/t';
import { listOf, mayRun, useMeta, type Rec } from '../../meta/meta';
import type { PanelProps } from '../../record/panel';
import { Complaint, ErrorState, Loading } from '../../ui/bits';
import { Link } from '../../ui/Link';
import { say, sayError } from '../../ui/undo';
import { ScrollX } from '../../ui/ScrollX';
import '../features.css';

interface Review { audience: number; with_address: number; may_be_written_to: number; held_out: number; condition: string; links: string; links_set: boolean }
interface Arm { people: number; buyers: number; orders: number; revenue: { amount: string; currency: string }; revenue_per_person: number }
interface Difference { difference: number; known: boolean; low?: number; high?: number; p?: number }
interface Results {
  messages: Record<string, number>; reasons?: Record<string, number>; links?: { url: string; people: number; clicks: number }[];
  orders?: { mailed: Arm; control: Arm }; lift?: { revenue_per_person: Difference; buyers: Difference };
  money?: Record<string, any>;
}
const ask = async <T,>(r: Rec, name: string, signal?: AbortSignal) => (await call<T>('POST', `/campaigns/${r.id}/${name}`, {}, {}, signal)).data;
const text = (prefix: string, key: string) => t(`${prefix}.${key}` as Key);

function usePeopleHref(id: number) {
  const people = useMeta().entity('contact');
  return (figure: string) => (people ? listOf(people, `mailed(${id}, '${figure}')`) : '#');
}

const FEW = 50; // below it an interval is wider than what most mails bring

function Before({ record: r, onStart, busy }: { record: Rec; onStart: (everybody: boolean) => void; busy: boolean }) {
  const [sure, setSure] = useState(false);
  const q = useQuery({ queryKey: ['related', 'campaign', r.id, 'review', r.version], queryFn: ({ signal }) => ask<Review>(r, 'review', signal), retry: false });
  if (q.error) return <ErrorState error={q.error} retry={() => void q.refetch()} />;
  if (!q.data) return <Loading height={90} />;
  const { audience, with_address, may_be_written_to, held_out, condition, links, links_set } = q.data;
  const triggered = r.kind === 'triggered';
  const get = may_be_written_to - held_out;
  return (
    <section className="panelpart" aria-label={t('camp.review')}>
      {!triggered && (
        <ul className="figures">
          {([['audience', audience], ['address', with_address], ['may', may_be_written_to], ['held', held_out]] as const).map(([k, n]) => <li key={k}><span className="plain"><b>{number(n)}</b><small>{text('camp.review', k)}</small></span></li>)}
        </ul>
      )}
      {!triggered && may_be_written_to < audience && <p className="dim">{t('camp.review.less', { n: number(audience - may_be_written_to) })}</p>}
      {!triggered && !condition && <p className="dim">{t('camp.review.all')}</p>}
      {triggered && <p>{t('camp.triggered')}</p>}
      {!triggered && may_be_written_to > 0 && !held_out && <p className="dim">{t('camp.review.nocontrol')}</p>}
      {!triggered && held_out > 0 && held_out < FEW && <p role="note">{t('camp.review.few', { n: number(held_out) })}</p>}
      {!links_set && <p role="note"><strong>{t('camp.review.links', { links })}</strong></p>}
      <Button onClick={() => setSure(true)} disabled={!triggered && !may_be_written_to}>{triggered ? t('camp.watch') : t('camp.start')}</Button>
      <Modal opened={sure} onClose={() => setSure(false)} title={triggered ? t('camp.watch') : t(held_out > 0 ? 'camp.sure.about' : 'camp.sure', { n: number(get) })} closeButtonProps={{ 'aria-label': t('close') }} transitionProps={{ duration: 0 }}>
        <Stack gap="sm">
          <div>{triggered ? t('camp.triggered') : r.scheduled_at ? t('camp.sure.at', { at: instant(r.scheduled_at) }) : t('camp.sure.now')}</div>
          {held_out > 0 && !triggered && <div className="dim">{t('camp.sure.held', { n: number(held_out) })}</div>}
          <Group justify="flex-end" gap="xs"><Button variant="default" onClick={() => setSure(false)}>{t('cancel')}</Button><Button data-autofocus loading={busy} onClick={() => onStart(!condition)}>{triggered ? t('camp.watch') : t('camp.start')}</Button></Group>
        </Stack>
      </Modal>
    </section>
  );
}

const FIGURES = ['sent', 'delivered', 'opened', 'clicked', 'unsubscribed', 'skipped', 'held_out', 'refused', 'bounced', 'unknown', 'planned'];

function Figures({ id, m }: { id: number; m: Record<string, number> }) {
  const href = usePeopleHref(id);
  const share = (k: string) => (['opened', 'clicked', 'unsubscribed'].includes(k) && m.delivered ? ` ${number((100 * m[k]!) / m.delivered, 1)} %` : '');
  return <ul className="figures" aria-label={t('camp.figures')}>{FIGURES.filter((k) => m[k] || ['sent', 'delivered', 'opened', 'clicked', 'unsubscribed'].includes(k)).map((k) => <li key={k}><Link href={href(k)}><b>{number(m[k] ?? 0)}</b><small>{text('camp.figure', k)}{share(k)}</small></Link></li>)}</ul>;
}

function Arms({ orders: o, lift, money: m }: { orders: { mailed: Arm; control: Arm }; lift: { revenue_per_person: Difference; buyers: Difference }; money: Record<string, any> }) {
  const d = lift.revenue_per_person, currency = o.mailed.revenue.currency;
  const in_currency = (n: number) => money({ amount: n.toFixed(2), currency });
  const row = (k: 'mailed' | 'control') => <tr key={k}><th scope="row">{text('camp.arm', k)}</th><td>{number(o[k].people)}</td><td>{number(o[k].buyers)}</td><td>{number(o[k].orders)}</td><td>{money(o[k].revenue)}</td><td>{in_currency(o[k].revenue_per_person)}</td></tr>;
  return (
    <section className="panelpart">
      <h2>{t('camp.brought')}</h2>
      <ScrollX label={t('camp.brought')}><table className="armtable">
        <thead><tr><td />{(['people', 'buyers', 'orders', 'revenue', 'each'] as const).map((k) => <th key={k} scope="col">{text('camp.col', k)}</th>)}</tr></thead>
        <tbody>{row('mailed')}{row('control')}</tbody>
      </table></ScrollX>
      <p className="verdict" style={{ marginTop: 12 }}>
        {!o.control.people ? t('camp.verdict.nocontrol') : !d.known ? t('camp.verdict.unknown')
          : d.low! > 0 ? t('camp.verdict.more', { each: in_currency(d.difference), low: in_currency(d.low!), high: in_currency(d.high!), added: money(m.added) })
            : d.high! < 0 ? t('camp.verdict.less', { each: in_currency(-d.difference) }) : t('camp.verdict.open', { low: in_currency(d.low!), high: in_currency(d.high!) })}
      </p>
      {m.cost && <p className="dim">{t('camp.cost', { cost: money(m.cost) })}{m.return !== undefined && ' ' + t('camp.return', { n: number(100 * m.return, 0) })}</p>}
    </section>
  );
}

function Afterwards({ record: r }: { record: Rec }) {
  const busy = ['sending', 'running', 'scheduled'].includes(r.status);
  const q = useQuery({ queryKey: ['related', 'campaign', r.id, 'results'], queryFn: ({ signal }) => ask<Results>(r, 'results', signal), refetchInterval: busy ? 2000 : 30_000 });
  if (q.error && !q.data) return <ErrorState error={q.error} retry={() => void q.refetch()} />;
  if (!q.data) return <Loading height={120} />;
  const { messages: m, reasons = {}, links = [], orders, lift, money: cash } = q.data;
  const all = Object.entries(reasons);
  return (
    <>
      <Figures id={r.id} m={m} />
      {m.machine_only ? <p className="dim">{t('camp.machines', { n: number(m.machine_only) })}</p> : null}
      {all.length > 0 && <section className="panelpart" aria-label={t('camp.reasons')}><h2>{t('camp.reasons')}</h2><ul className="leaves">{all.map(([k, n]) => <li key={k}><span style={{ flex: 1 }}>{REASONS.includes(k) ? text('camp.reason', k) : k}</span><b className="num">{number(n)}</b></li>)}</ul></section>}
      {links.length > 0 && <section className="panelpart" aria-label={t('camp.links')}><h2>{t('camp.links')}</h2><ul className="leaves">{links.map((l) => <li key={l.url}><code>{l.url}</code><span className="num dim">{t('camp.link', { people: number(l.people), clicks: number(l.clicks) })}</span></li>)}</ul></section>}
      {orders && lift && cash && <Arms orders={orders} lift={lift} money={cash} />}
    </>
  );
}
const REASONS = ['no_address', 'merged', 'suppressed', 'do_not_email', 'no_consent', 'refused_consent', 'same_mailbox', 'frequency', 'deleted', 'not_rendered', 'refused', 'hard', 'soft', 'crash', 'connection_lost', 'deferred'];

export default function CampaignPanel({ entity: e, record: r }: PanelProps) {
  const client = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const mayStart = mayRun(e, 'start');
  async function act(name: string, body: object = {}) {
    setBusy(true);
    setError(null);
    try {
      await call('POST', `/campaigns/${r.id}/${name}`, body);
      say('campaign', text('camp.did', name));
      await client.invalidateQueries({ queryKey: ['record', e.name, r.id] });
      await client.invalidateQueries({ queryKey: ['related'] });
    } catch (x) { if (name === 'start') setError(x); else sayError(x); }
    setBusy(false);
  }
  const begun = !['draft', 'late'].includes(r.status);
  return (
    <div>
      {r.note && <p className="verdict" role="note">{r.note}</p>}
      <Complaint error={error} />
      {begun && mayStart && (
        <div className="panelbar">
          {['sending', 'running'].includes(r.status) && <Button size="xs" variant="default" loading={busy} onClick={() => void act('pause')}>{t('camp.pause')}</Button>}
          {r.status === 'paused' && <Button size="xs" loading={busy} onClick={() => void act('resume')}>{t('camp.resume')}</Button>}
          {!['sent', 'cancelled'].includes(r.status) && <Button size="xs" variant="default" loading={busy} onClick={() => void act('cancel')}>{t('camp.cancel')}</Button>}
        </div>
      )}
      {begun ? <Afterwards record={r} /> : mayStart ? <Before record={r} busy={busy} onStart={(everybody) => void act('start', everybody ? { everybody: true } : {})} /> : <p className="dim">{t('camp.notyet')}</p>}
    </div>
  );
}
