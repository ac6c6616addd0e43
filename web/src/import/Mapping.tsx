// Which column goes where, what counts as the same record, and a trial before it is done.
import { Button, Checkbox, Group, MultiSelect, NativeSelect, Stack, Switch, Table, TextInput, Title } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { call, get } from '../api/client';
import { number } from '../fields/format';
import { t } from '../locale/t';
import { useMeta, type Entity } from '../meta/meta';
import { Complaint } from '../ui/bits';
import { fieldOf, keyFields, needs, options, startPlan, type Column, type Import, type Plan } from './plan';
import { ReportView } from './Report';
import { Target } from './Target';
import { ScrollX } from '../ui/ScrollX';

function How({ entity: e, column: c, onChange }: { entity: Entity; column: Column; onChange: (patch: Partial<Column>) => void }) {
  const meta = useMeta();
  const f = fieldOf(e, c.field);
  const n = needs(f);
  const of = f?.target ? meta.entity(f.target) : undefined;
  return (
    <>
      {n.date && <NativeSelect size="xs" aria-label={t('map.dates', { column: c.column })} value={c.format ?? ''} data={[{ value: '', label: '2026-12-31' }, { value: 'dmy', label: '31.12.2026' }, { value: 'mdy', label: '12/31/2026' }, { value: 'ymd', label: '2026/12/31' }, { value: 'xls', label: t('map.xls') }]} onChange={(ev) => onChange({ format: ev.currentTarget.value || undefined })} />}
      {n.number && <NativeSelect size="xs" aria-label={t('map.decimal', { column: c.column })} value={c.decimal === ',' ? ',' : '.'} data={[{ value: '.', label: '1,234.50' }, { value: ',', label: '1.234,50' }]} onChange={(ev) => onChange({ decimal: ev.currentTarget.value === ',' ? ',' : undefined })} />}
      {n.phone && <TextInput size="xs" w={140} maxLength={2} aria-label={t('map.country', { column: c.column })} placeholder={meta.raw.organisation.country || t('map.country.short')} value={c.country ?? ''} onChange={(ev) => onChange({ country: ev.currentTarget.value.toUpperCase() || undefined })} />}
      {n.make && of && !c.field!.includes('.') && <Checkbox size="xs" label={t('map.make', { label: of.label })} checked={!!c.create} onChange={(ev) => onChange({ create: ev.currentTarget.checked || undefined })} />}
    </>
  );
}

function Preview({ id }: { id: number }) {
  const q = useQuery({ queryKey: ['import', id, 'rows'], staleTime: Infinity, queryFn: ({ signal }) => get<{ columns: string[]; rows: string[][] }>(`/imports/${id}/rows`, { rows: 10 }, signal) });
  if (!q.data) return null;
  const heads = q.data.columns.length ? q.data.columns : [''];
  return (
    <ScrollX label={t('import.preview')}>
      <Table withTableBorder verticalSpacing={4} fz="xs" style={{ width: 'max-content' }}>
        {q.data.columns.length > 0 && <Table.Thead><Table.Tr>{heads.map((h, i) => <Table.Th key={i}>{h}</Table.Th>)}</Table.Tr></Table.Thead>}
        <Table.Tbody>{q.data.rows.map((r, i) => <Table.Tr key={i}>{heads.map((_, k) => <Table.Td key={k} style={{ maxWidth: 260, overflow: 'hidden', textOverflow: 'ellipsis', whiteSpace: 'nowrap' }}>{r[k] ?? ''}</Table.Td>)}</Table.Tr>)}</Table.Tbody>
      </Table>
    </ScrollX>
  );
}

export function Mapping({ entity: e, i, onStarted }: { entity: Entity; i: Import; onStarted: () => void }) {
  const client = useQueryClient();
  const [plan, setPlan] = useState<Plan>(() => startPlan(e, i));
  const [touched, setTouched] = useState<Set<string>>(new Set());
  const [rows, setRows] = useState(false);
  const [busy, setBusy] = useState('');
  const [error, setError] = useState<unknown>(null);
  const saved = useRef(JSON.stringify(i.options ? options(e, plan) : null));
  const now = JSON.stringify(options(e, plan));
  // a trial holds for the plan it was made with
  const report = i.report?.check && saved.current === now ? i.report : null;
  const keys = keyFields(e, plan.columns);
  const used = plan.keys.filter((k) => keys.some((f) => f.name === k));
  const taken = new Set(plan.columns.flatMap((c) => (c.field ? [c.field] : [])));
  const patch = (column: string, p: Partial<Column>) => { setTouched((old) => new Set(old).add(column)); setPlan((old) => ({ ...old, columns: old.columns.map((c) => (c.column === column ? { ...c, ...p } : c)) })); };
  const save = async () => {
    if (saved.current === now) return;
    await call('PATCH', `/imports/${i.id}`, { options: JSON.parse(now) });
    saved.current = now;
  };
  // what was chosen outlives the page
  useEffect(() => { if (saved.current === now || !touched.size) return; const timer = setTimeout(() => void save().catch(() => {}), 700); return () => clearTimeout(timer); }, [now]);
  async function act(what: 'check' | 'start') {
    setBusy(what);
    setError(null);
    try {
      await save();
      await call('POST', `/imports/${i.id}/${what}`, {});
      await client.invalidateQueries({ queryKey: ['import', i.id], exact: true });
      onStarted();
    } catch (x) { setError(x); } finally { setBusy(''); }
  }
  const open = plan.columns.filter((c) => !c.field).length;
  return (
    <Stack gap="md">
      <div className="row spread">
        <div><b>{i.name}</b> · {t('import.rows', { n: number(i.rows ?? 0) })}{open ? ` · ${t('map.open', { n: number(open) })}` : ''}</div>
        <Group gap="xs"><Button variant="default" loading={busy === 'check'} onClick={() => void act('check')}>{t('import.check')}</Button><Button loading={busy === 'start'} onClick={() => void act('start')}>{t('import.go', { n: number(i.rows ?? 0) })}</Button></Group>
      </div>
      {!report && <small className="dim">{t('import.check.help')}</small>}
      <Complaint error={error} />
      {report && <ReportView entity={e} report={report} id={i.id} />}
      {plan.columns.length === 0 ? <div>{t('map.none')}</div> : (
        <section aria-label={t('map.title')}>
          <Title order={2} size="h5" mb={6}>{t('map.title')}</Title>
          <ul className="maplist">
            {plan.columns.map((c) => (
              <li key={c.column}>
                <div className="mapname"><b className="cut" title={c.column}>{c.column}</b><small className="dim cut">{(c.samples ?? []).slice(0, 3).join(' · ') || t('map.empty')}</small></div>
                <span aria-hidden className="dim maparrow">→</span>
                <Target entity={e} column={c} guessed={!touched.has(c.column) && i.columns?.find((x) => x.column === c.column)?.field === c.field} taken={taken} onChange={(field) => patch(c.column, { field })} />
                <div className="maphow"><How entity={e} column={c} onChange={(p) => patch(c.column, p)} /></div>
              </li>
            ))}
          </ul>
        </section>
      )}
      {keys.length > 0 && (
        <section aria-label={t('keysby.title', { label: e.label_plural })}>
          <Title order={2} size="h5" mb={6}>{t('keysby.title', { label: e.label_plural })}</Title>
          <Group align="flex-end" gap="md">
            <MultiSelect searchable label={t('keysby.label')} miw={260} data={keys.map((f) => ({ value: f.name, label: f.label }))} value={used} placeholder={used.length ? undefined : t('keysby.none')} onChange={(v) => setPlan({ ...plan, keys: v })} />
            {used.length > 0 && <NativeSelect label={t('mode.title')} value={plan.mode} onChange={(ev) => setPlan({ ...plan, mode: ev.currentTarget.value })} data={(['both', 'create', 'update'] as const).map((m) => ({ value: m, label: t(`mode.${m}`) }))} />}
            {used.length > 0 && plan.mode !== 'create' && <Switch mb={8} label={t('map.clear')} checked={plan.empty === 'clear'} onChange={(ev) => setPlan({ ...plan, empty: ev.currentTarget.checked ? 'clear' : 'keep' })} />}
          </Group>
        </section>
      )}
      <div><Button size="compact-sm" variant="default" aria-expanded={rows} onClick={() => setRows(!rows)}>{t('import.preview')}</Button></div>
      {rows && <Preview id={i.id} />}
    </Stack>
  );
}
