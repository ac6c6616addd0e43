// One control per kind. value is as the API gives it; what is typed and not yet sense stays text.
import { ActionIcon, Button, Group, MultiSelect, Select, Stack, TagsInput, Textarea, TextInput, type TextInputProps } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { get } from '../api/client';
import { t, type Key } from '../locale/t';
import { titleOf, useMeta, valueKind, type Entity, type Field, type Rec } from '../meta/meta';
import { date, duration, localInput, parseDuration } from './format';
import { AnyReference, FileInput } from './InputRefs';
import { parsePartial } from './partial';
import { usePicker } from './picker';

export interface InputProps { field: Field; value: any; onChange: (v: any) => void; error?: string; label?: string; autoFocus?: boolean; required?: boolean; describe?: boolean; /** shows its list at once */ open?: boolean }

/** Names of records of an entity by what is typed: the search where it is searched, else a filter. */
export function useNames(entity: Entity | undefined, text: string, on: boolean) {
  return useQuery({
    queryKey: ['names', entity?.name, text], enabled: on && !!entity, staleTime: 20_000, placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const e = entity!;
      if (text.trim().length > 1 && e.fields.some((f) => f.searched)) {
        const r = await get<{ items: { id: number; name: string }[] }>('/search', { q: text, entity: e.name, limit: 12 }, signal);
        return r.items.map((i) => ({ id: i.id, name: i.name }));
      }
      const where = text.trim() && e.title ? `${e.title} contains '${text.trim().replaceAll("'", "''")}'` : undefined;
      const r = await get<{ items: Rec[] }>(`/${e.plural}`, { limit: 12, fields: ['id', e.title].filter(Boolean).join(','), where }, signal);
      return r.items.map((i) => ({ id: i.id, name: titleOf(e, i) }));
    },
  });
}

function Reference({ field, value, onChange, error, label, autoFocus, required, open: opened }: InputProps) {
  const e = useMeta().entity(field.target!);
  const [open, setOpen] = useState(!!autoFocus);
  const picker = usePicker({ chosen: value ? value.name || `#${value.id}` : null, settled: () => !found.isFetching, clear: () => onChange(null), error });
  const found = useNames(e, picker.typed, open);
  const known = new Map([...(value ? [value] : []), ...found.data ?? []].map((x: any) => [String(x.id), x.name || `#${x.id}`]));
  return (
    <Select {...picker.props} aria-label={label ? undefined : field.label} label={label} withAsterisk={required} autoFocus={autoFocus} defaultDropdownOpened={opened} searchable clearable
      clearButtonProps={{ 'aria-label': t('clear') }} placeholder={t('reference.search')} nothingFoundMessage={found.isFetching ? t('loading') : t('reference.none')} filter={({ options }) => options}
      data={[...known].map(([id, name]) => ({ value: id, label: name }))} value={value ? String(value.id) : null} onDropdownOpen={() => setOpen(true)}
      onChange={(id) => { picker.picked(); onChange(id ? { id: Number(id), name: known.get(id) } : null); }} />
  );
}

function Many({ field, value, onChange, error, label }: InputProps) {
  const e = useMeta().entity(field.target!);
  const picker = usePicker({ chosen: null, settled: () => !found.isFetching, error });
  const found = useNames(e, picker.typed, true);
  const items: any[] = value ?? [];
  const known = new Map([...found.data ?? [], ...items].map((x: any) => [String(x.id), x]));
  return (
    <MultiSelect {...picker.props} aria-label={label ? undefined : field.label} label={label} searchable filter={({ options }) => options}
      placeholder={items.length ? undefined : t('reference.search')} nothingFoundMessage={found.isFetching ? t('loading') : t('reference.none')}
      data={[...known].map(([id, x]) => ({ value: id, label: x.name ?? `#${id}` }))} value={items.map((x) => String(x.id))} onChange={(ids) => { picker.picked(); onChange(ids.map((id) => known.get(id) ?? { id: Number(id) })); }} />
  );
}

const MEMBERS: Record<string, string[]> = { emails: ['address'], phones: ['number'], urls: ['url'], addresses: ['street', 'postcode', 'city', 'region', 'country'] };

function Parts({ field, value, onChange, error, label, autoFocus }: InputProps) {
  const members = MEMBERS[valueKind(field)]!;
  const items: any[] = value?.length ? value : [{}];
  const set = (i: number, name: string, v: string) => onChange(items.map((p, k) => (k === i ? { ...p, [name]: v } : p)));
  return (
    <fieldset style={{ border: 0, margin: 0, padding: 0 }}>
      <legend style={label ? { fontWeight: 600, padding: 0 } : { position: 'absolute', clip: 'rect(0 0 0 0)', overflow: 'hidden', height: 1, width: 1 }}>{field.label}</legend>
      <Stack gap={6}>
        {items.map((p, i) => (
          <Group key={i} gap={6} wrap="nowrap" align="flex-start">
            <Stack gap={4} style={{ flex: 1 }}>
              {members.map((m, k) => (
                <TextInput key={m} aria-label={`${field.label} ${i + 1}${members.length > 1 ? ' ' + t(`piece.${m}` as Key) : ''}`} placeholder={members.length > 1 ? t(`piece.${m}` as Key) : undefined} autoFocus={autoFocus && i === 0 && k === 0} type={m === 'address' ? 'email' : m === 'number' ? 'tel' : 'text'}
                  value={p[m] ?? ''} onChange={(ev) => set(i, m, ev.currentTarget.value)} />
              ))}
            </Stack>
            <TextInput aria-label={`${field.label} ${i + 1} ${t('parts.kind')}`} placeholder={t('parts.kind')} w={84} value={p.kind ?? ''} onChange={(ev) => set(i, 'kind', ev.currentTarget.value)} />
            <ActionIcon variant="subtle" color="gray" size={34} aria-label={t('parts.remove', { n: i + 1 })} onClick={() => onChange(items.filter((_, k) => k !== i))}>✕</ActionIcon>
          </Group>
        ))}
        <Button variant="default" size="compact-sm" style={{ alignSelf: 'flex-start' }} onClick={() => onChange([...items, {}])}>{t('parts.add')}</Button>
        {error && <div role="alert" style={{ color: 'var(--mantine-color-error)', fontSize: 12.5 }}>{error}</div>}
      </Stack>
    </fieldset>
  );
}

/** As dates are shown; what is typed otherwise is told as it was understood. */
function PartialDate({ value, onChange, common }: InputProps & { common: TextInputProps }) {
  const [raw, setRaw] = useState<string | null>(null);
  const shown = value ? date(String(value)) : '', typed = raw ?? shown;
  const understood = shown !== typed.trim() && shown !== String(value ?? '') ? shown : undefined;
  return <TextInput {...common} inputWrapperOrder={['label', 'input', 'description', 'error']} description={understood ?? common.description} placeholder={`${date('1985-03-29')} · ${date('--03-29')} · 1985`} value={typed} onChange={(e) => { setRaw(e.currentTarget.value); onChange(parsePartial(e.currentTarget.value)); }} />;
}

/** A day and a time of it: who says only the day means its morning. */
function Instant({ field: f, value: v, onChange, common }: InputProps & { common: object }) {
  const [day = '', time = ''] = localInput(v).split('T');
  const put = (d: string, at: string) => { const when = new Date(`${d}T${at || '09:00'}`); onChange(d && !Number.isNaN(when.getTime()) ? when.toISOString() : null); };
  return (
    <Group gap={6} wrap="nowrap" align="flex-end">
      <TextInput {...common} className="grow" type="date" value={day} onChange={(e) => put(e.currentTarget.value, time)} />
      <TextInput aria-label={t('input.time', { label: f.label })} type="time" value={time} disabled={!day} onChange={(e) => put(day, e.currentTarget.value)} />
    </Group>
  );
}

export function Input(props: InputProps) {
  const { field: f, value: v, onChange, error, label, autoFocus, required } = props;
  const meta = useMeta();
  const choices = meta.choices(f);
  const [raw, setRaw] = useState<string | null>(null);
  const common = { 'aria-label': label ? undefined : f.label, label, error, autoFocus, 'data-autofocus': autoFocus || undefined, withAsterisk: required, description: props.describe ? f.help : undefined };
  const text = (x: any) => (x === null || x === undefined ? '' : String(x));
  switch (f.kind) {
    case 'reference': return <Reference {...props} />;
    case 'any_reference': return <AnyReference {...props} />;
    case 'file': return <FileInput {...props} />;
    case 'many': return <Many {...props} />;
    case 'emails': case 'phones': case 'urls': case 'addresses': return <Parts {...props} />;
    case 'long_text': case 'rich_text': return <Textarea {...common} autosize={false} rows={4} value={text(v)} onChange={(e) => onChange(e.currentTarget.value)} />;
    case 'choice': return <Select {...common} defaultDropdownOpened={props.open} searchable={choices.length > 8} clearable={!f.required} clearButtonProps={{ 'aria-label': t('clear') }} data={choices.filter((c) => c.active || c.code === v).map((c) => ({ value: c.code, label: c.label || c.code }))} value={v ?? null} onChange={onChange} />;
    case 'choices': return <MultiSelect {...common} defaultDropdownOpened={props.open} searchable data={choices.filter((c) => c.active || v?.includes(c.code)).map((c) => ({ value: c.code, label: c.label || c.code }))} value={v ?? []} onChange={onChange} />;
    case 'tags': return <TagsInput {...common} data={choices.map((c) => c.code)} value={v ?? []} onChange={onChange} />;
    case 'yes_no': return <Select {...common} defaultDropdownOpened={props.open} clearable={!f.required} clearButtonProps={{ 'aria-label': t('clear') }} data={[{ value: 'y', label: t('yes') }, { value: 'n', label: t('no') }]} value={v === true ? 'y' : v === false ? 'n' : null} onChange={(x) => onChange(x === null ? null : x === 'y')} />;
    case 'date': return f.partial ? <PartialDate {...props} common={common} /> : <TextInput {...common} type="date" value={text(v)} onChange={(e) => onChange(e.currentTarget.value)} />;
    case 'instant': return <Instant {...props} common={common} />;
    case 'duration': return <TextInput {...common} placeholder="1 h 20 min" value={raw ?? (v === null || v === undefined ? '' : typeof v === 'number' ? duration(v) : v)} onChange={(e) => { setRaw(e.currentTarget.value); onChange(e.currentTarget.value.trim() ? parseDuration(e.currentTarget.value) : null); }} />;
    case 'money': {
      const change = (amount: string, currency: string) => onChange(amount.trim() ? { amount: amount.trim(), currency } : null);
      const currency = v?.currency ?? meta.raw.organisation.currency;
      return (
        <Group gap={6} wrap="nowrap" align="flex-start">
          <TextInput {...common} style={{ flex: 1 }} inputMode="decimal" value={v?.amount ?? ''} onChange={(e) => change(e.currentTarget.value, currency)} />
          <TextInput aria-label={`${f.label}: ${t('currency')}`} label={label ? t('currency') : undefined} w={76} maxLength={3} value={currency} onChange={(e) => change(v?.amount ?? '', e.currentTarget.value.toUpperCase())} />
        </Group>
      );
    }
    case 'place': return <TextInput {...common} placeholder="52.5, 13.4" value={raw ?? (v ? `${v.lat}, ${v.lng}` : '')} onChange={(e) => { const s = e.currentTarget.value; setRaw(s); const [a, b] = s.split(',').map(Number); onChange(s.trim() ? (Number.isFinite(a) && Number.isFinite(b) ? { lat: a, lng: b } : s) : null); }} />;
    case 'json': return <Textarea {...common} rows={4} value={raw ?? (v === null || v === undefined ? '' : JSON.stringify(v, null, 2))} onChange={(e) => { const s = e.currentTarget.value; setRaw(s); try { onChange(s.trim() ? JSON.parse(s) : null); } catch { onChange(s); } }} />;
    default: return <TextInput {...common} inputMode={['integer', 'decimal', 'percent'].includes(f.kind) ? 'decimal' : undefined} value={text(v)} onChange={(e) => onChange(e.currentTarget.value)} />;
  }
}
