// References to a record of any object, and files: chosen by search, sent from the disk.
import { Button, Group, Select } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { get, upload } from '../api/client';
import { t } from '../locale/t';
import { useMeta, type Rec } from '../meta/meta';
import type { InputProps } from './Input';
import { usePicker } from './picker';

interface Found { entity: string; id: number; name: string }

export function AnyReference({ field: f, value, onChange, error, label, autoFocus, required }: InputProps) {
  const meta = useMeta();
  const picker = usePicker({ chosen: value ? value.name || `#${value.id}` : null, settled: (s) => q === s.trim() && !found.isFetching, clear: () => onChange(null), error });
  const [q] = useDebouncedValue(picker.typed.trim(), 150);
  const found = useQuery({ queryKey: ['search', q], enabled: q.length > 0, staleTime: 10_000, placeholderData: keepPreviousData, queryFn: ({ signal }) => get<{ items: Found[] }>('/search', { q, limit: 20 }, signal) });
  const key = (x: Found) => `${x.entity}:${x.id}`;
  const known = new Map([...(value ? [value as Found] : []), ...(q ? found.data?.items ?? [] : [])].filter((x) => !f.targets?.length || f.targets.includes(x.entity)).map((x) => [key(x), x]));
  return (
    <Select {...picker.props} aria-label={label ? undefined : f.label} label={label} withAsterisk={required} autoFocus={autoFocus} searchable clearable clearButtonProps={{ 'aria-label': t('clear') }}
      placeholder={t('reference.search')} nothingFoundMessage={found.isFetching ? t('loading') : q ? t('reference.none') : t('reference.search')} filter={({ options }) => options}
      data={[...known].map(([k, x]) => ({ value: k, label: x.name || `#${x.id}` }))} renderOption={({ option }) => { const x = known.get(option.value); return <><span className="grow cut">{option.label}</span> <small>{x ? meta.entity(x.entity)?.label : ''}</small></>; }}
      value={value ? key(value) : null} onChange={(k) => { picker.picked(); onChange(k ? known.get(k) : null); }} />
  );
}

export function FileInput({ field: f, value, onChange, error, label }: InputProps) {
  const id = useId();
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState('');
  async function take(file: File) {
    setBusy(true);
    setFailed('');
    try { const { data } = await upload<Rec>(file); onChange({ id: data.id, name: data.name }); } catch (x) { setFailed(x instanceof Error ? x.message : String(x)); } finally { setBusy(false); }
  }
  return (
    <div>
      {label && <label htmlFor={id} style={{ fontWeight: 600, display: 'block' }}>{label}</label>}
      <Group gap={8}>
        {value && <span className="cut">{value.name ?? `#${value.id}`}</span>}
        <span className="filebutton small"><input id={id} type="file" aria-label={f.label} disabled={busy} onChange={(ev) => { const file = ev.currentTarget.files?.[0]; if (file) void take(file); }} /><span aria-hidden>{busy ? t('import.sending') : t('import.choose')}</span></span>
        {value && <Button size="compact-sm" variant="default" onClick={() => onChange(null)}>{t('clear')}</Button>}
      </Group>
      {(error || failed) && <div role="alert" style={{ color: 'var(--mantine-color-error)', fontSize: 12.5 }}>{error || failed}</div>}
    </div>
  );
}
