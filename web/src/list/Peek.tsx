// A record beside the list, without leaving it.
import { ActionIcon, Skeleton, Stack } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import { t } from '../locale/t';
import { address, titleOf, type Entity, type Rec } from '../meta/meta';
import { FieldPanel } from '../record/FieldPanel';
import { useRecord } from '../record/useRecord';
import { ErrorState, Letter } from '../ui/bits';
import { Link } from '../ui/Link';

interface Verdict { text: string; holds?: boolean; value?: unknown; args?: Verdict[] }

function Why({ entity: e, id, where }: { entity: Entity; id: number; where: string }) {
  const r = useQuery({ queryKey: ['record', e.name, id, 'why', where], retry: false, queryFn: ({ signal }) => get<{ tree: Verdict; holds: boolean }>('/explain', { entity: e.name, id, where }, signal) });
  if (!r.data) return null;
  const line = (v: Verdict, depth: number): React.ReactNode => v.holds === undefined ? null : (
    <li key={v.text + depth}>
      <span aria-label={v.holds ? t('yes') : t('no')} className={v.holds ? 'holds' : 'fails'}>{v.holds ? '✓' : '✕'}</span> <code>{v.text}</code>
      {v.args?.filter((a) => a.holds === undefined && a.value !== undefined).map((a) => <small key={a.text} className="dim"> {t('why.is', { name: a.text, value: a.value === null ? t('why.empty') : typeof a.value === 'object' ? JSON.stringify(a.value) : String(a.value) })}</small>)}
      {v.args?.some((a) => a.holds !== undefined) && <ul>{v.args.map((a) => line(a, depth + 1))}</ul>}
    </li>
  );
  return <section aria-label={t(r.data.holds ? 'why.here' : 'why.not')} className="why"><div className="groupname">{t(r.data.holds ? 'why.here' : 'why.not')}</div><ul>{line(r.data.tree, 0)}</ul></section>;
}

export default function Peek({ entity: e, id, row, where, onClose }: { entity: Entity; id: number; row: Rec | undefined; where: string; onClose: () => void }) {
  const record = useRecord(e, id);
  const r = record.data;
  const name = titleOf(e, r ?? row) || e.label;
  return (
    <aside className="peek" aria-label={t('peek.label', { name })} tabIndex={0} onKeyDown={(ev) => { if (ev.key === 'Escape' && !ev.defaultPrevented) { ev.stopPropagation(); onClose(); } }}>
      <div className="peekhead"><Letter text={name} of={e.name} /><Link className="rowlink grow cut" href={address(e, id)}>{name}</Link><ActionIcon variant="subtle" color="gray" aria-label={t('close')} onClick={onClose}>✕</ActionIcon></div>
      {where && <Why entity={e} id={id} where={where} />}
      {record.error ? <ErrorState error={record.error} retry={() => void record.refetch()} /> : r ? <FieldPanel key={id} entity={e} record={r} /> : <Stack aria-busy aria-label={t('loading')} mt="md">{Array.from({ length: 7 }, (_, i) => <Skeleton key={i} height={22} />)}</Stack>}
    </aside>
  );
}
