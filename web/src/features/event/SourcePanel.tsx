// A source of events: how to set it up, and what comes from it while one looks.
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/client';
import { instant, number } from '../../fields/format';
import { t } from '../../locale/t';
import { mayRun } from '../../meta/meta';
import type { PanelProps } from '../../record/panel';
import { Complaint, ErrorState, Loading } from '../../ui/bits';
import { say } from '../../ui/undo';
import '../features.css';

interface Glimpse { at: string; name: string; known: boolean; accepted: number; refused: number; why: string }

const page = (key: string) => `<script>window.kith = window.kith || []</script>
<script async src="${location.origin}/v1/kith.js" data-key="${key}"></script>
<script>kith.push(['track', 'added_to_cart', { product: 'A1', value: 12.5 }])</script>`;
const program = (key: string) => `curl ${location.origin}/v1/track -u ${key}: -H 'Content-Type: application/json' \\
  -d '{"userId": "4711", "event": "order_viewed", "properties": {"value": 59.9}}'`;

function Code({ text, label }: { text: string; label: string }) {
  const copy = () => void navigator.clipboard.writeText(text).then(() => say('copy', t('event.copied')));
  return (
    <>
      <pre className="plainmail" role="region" tabIndex={0} aria-label={label}>{text}</pre>
      {'clipboard' in navigator && <Button mt={8} size="compact-sm" variant="default" onClick={copy}>{t('event.copy')}</Button>}
    </>
  );
}

function Secret({ id }: { id: number }) {
  const [secret, setSecret] = useState('');
  const [error, setError] = useState<unknown>(null);
  const show = () => void call<{ secret: string }>('POST', `/event_sources/${id}/secret`, {}).then((r) => setSecret(r.data.secret), setError);
  return (
    <section className="panelpart" aria-label={t('event.secret')}>
      <h2>{t('event.secret')}</h2>
      <p className="dim">{t('event.secret.help')}</p>
      {secret ? <Code text={secret} label={t('event.secret')} /> : <Button size="compact-sm" variant="default" onClick={show}>{t('event.secret.show')}</Button>}
      <Complaint error={error} />
    </section>
  );
}

function Live({ id }: { id: number }) {
  const q = useQuery({ queryKey: ['related', 'event_source', id, 'recent'], refetchInterval: 2000, queryFn: async ({ signal }) => (await call<{ items: Glimpse[] }>('POST', `/event_sources/${id}/recent`, {}, {}, signal)).data.items });
  if (q.error && !q.data) return <ErrorState error={q.error} retry={() => void q.refetch()} />;
  if (!q.data) return <Loading height={90} />;
  if (!q.data.length) return <p className="dim" role="status">{t('event.waiting')}</p>;
  return (
    <ul className="leaves">
      {q.data.map((g, i) => (
        <li key={i}>
          {g.accepted ? <span className="yes">{t('event.taken', { n: number(g.accepted) })}</span> : null}
          {g.refused ? <span className="no">{t('event.refused', { n: number(g.refused) })}</span> : null}
          <span style={{ flex: 1, overflowWrap: 'anywhere' }}>{g.name && <b>{g.name}</b>} <span className="dim">{g.name && (g.known ? t('event.known') : t('event.visitor'))}</span>{g.why && <span className="no" style={{ display: 'block', fontWeight: 400 }}>{g.why}</span>}</span>
          <span className="dim num">{instant(g.at)}</span>
        </li>
      ))}
    </ul>
  );
}

export default function SourcePanel({ entity: e, record: r }: PanelProps) {
  const browser = r.kind === 'browser';
  return (
    <>
      <section className="panelpart" aria-label={t('event.setup')}>
        <h2>{t('event.setup')}</h2>
        <p className="dim">{browser ? t('event.setup.page') : t('event.setup.program')}</p>
        {r.key ? <Code text={(browser ? page : program)(r.key)} label={t('event.setup')} /> : null}
      </section>
      {browser && mayRun(e, 'secret') && <Secret id={r.id} />}
      <section className="panelpart" aria-label={t('event.live')}>
        <h2>{t('event.live')}</h2>
        {!r.active && <p className="verdict" role="note">{t('event.off')}</p>}
        <Live id={r.id} />
      </section>
    </>
  );
}
