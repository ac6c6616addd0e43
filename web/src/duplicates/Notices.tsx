// Quiet notices: what a record may be a duplicate of, while it is typed and on its page; and the rules that it breaks.
import { Button } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { call } from '../api/client';
import { t } from '../locale/t';
import { address, useMeta, type Entity, type Rec } from '../meta/meta';
import { Link } from '../ui/Link';
import { sayError } from '../ui/undo';
import './clean.css';
import { dismiss, mergeAddress, percent, Reasons, usePairs, type Reason } from './pairs';

interface Likely { id: number; name: string; probability: number; zone: string; reasons: Reason[] }

/** Below a form: `body` is the record as it would be sent. */
export function LikelyNotice({ entity: e, body, onUse }: { entity: Entity; body: Record<string, unknown>; onUse: (id: number) => void }) {
  const [text] = useDebouncedValue(JSON.stringify(body), 300);
  // a refusal (an object that has no rule, a right that is lacking) is nothing to tell of here
  const found = useQuery({ queryKey: ['likely', e.name, text], enabled: text !== '{}', retry: false, staleTime: 10_000, placeholderData: keepPreviousData, queryFn: async ({ signal }) => (await call<{ items: Likely[] }>('POST', `/${e.plural}/duplicates?limit=3`, JSON.parse(text), {}, signal)).data.items });
  const items = text === '{}' ? [] : found.data ?? [];
  if (!items.length) return <div role="status" />;
  return (
    <div className="notice inform" role="status">
      <b>{t('dup.exists')}</b>
      <ul>
        {items.map((x) => (
          <li key={x.id} className="likely">
            <a className="reflink" href={address(e, x.id)} target="_blank" rel="noreferrer">{x.name}</a><span className="num">{percent(x.probability)}</span>
            <Button size="compact-xs" variant="default" onClick={() => onUse(x.id)}>{t('dup.use')}</Button>
            <Reasons reasons={x.reasons} />
          </li>
        ))}
      </ul>
    </div>
  );
}

function PairNotice({ entity: e, record: r }: { entity: Entity; record: Rec }) {
  const client = useQueryClient();
  const [, go] = useLocation();
  const [busy, setBusy] = useState(false);
  const pairs = usePairs({ of: e.name, id: r.id, limit: 3 });
  const p = pairs.data?.items[0];
  if (!p) return null;
  const other = p.record.id === r.id ? p.other : p.record;
  const aside = () => { setBusy(true); dismiss(client, p).catch(sayError).finally(() => setBusy(false)); };
  return (
    <div className="notice" role="note">
      <span className="grow">{t('dup.maybe')} <Link className="reflink" href={address(e, other.id)}>{other.name}</Link> <span className="num">({percent(p.probability)})</span></span>
      <Button size="compact-sm" variant="default" onClick={() => go(mergeAddress(e, [r.id, other.id], p.id) + '&to=record')}>{t('dup.merge')}</Button>
      <Button size="compact-sm" variant="subtle" color="gray" loading={busy} onClick={aside}>{t('dup.dismiss')}</Button>
    </div>
  );
}

interface Broken { rule: number; name: string; kind: string; advice: string }
function RulesNotice({ entity: e, record: r }: { entity: Entity; record: Rec }) {
  const on = !!useMeta().entity('quality_rule') && !e.link;
  const found = useQuery({ queryKey: ['record', e.name, r.id, 'quality', r.version], enabled: on, retry: false, queryFn: async ({ signal }) => (await call<{ broken: Broken[]; score: number }>('POST', '/quality/check', { entity: e.name, id: r.id }, {}, signal)).data });
  const broken = found.data?.broken ?? [];
  if (!broken.length) return null;
  return (
    <div className="notice" role="note">
      <b>{t('quality.here')}</b>
      <ul>{broken.map((b) => <li key={b.rule}>{b.name}{b.advice ? <span className="dim"> – {b.advice}</span> : null}</li>)}</ul>
    </div>
  );
}

/** Between the head of a record's page and the rest. */
export default function RecordNotices({ entity, record }: { entity: Entity; record: Rec }) {
  return <><PairNotice entity={entity} record={record} /><RulesNotice entity={entity} record={record} /></>;
}
