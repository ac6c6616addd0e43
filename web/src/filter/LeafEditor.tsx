// One condition: field, operator, value. The control for the value hangs on what the operator wants.
import { MultiSelect, NativeSelect, Select, TagsInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { fieldAt, filterable, operators, PERIODS, wants, type Leaf } from '../expr/leaf';
import { parseDuration } from '../fields/format';
import { useNames } from '../fields/Input';
import { usePicker } from '../fields/picker';
import { t, type Key } from '../locale/t';
import { useMeta, type Entity, type Field } from '../meta/meta';
import { opWord, useName } from './words';

interface Props { entity: Entity; leaf: Leaf; onChange: (l: Leaf) => void; onDone?: () => void; focusValue?: boolean; compact?: boolean }

export const startLeaf = (f: Field): Leaf => ({ path: f.name, op: operators(f)[0]!.op, values: [] });

function RecordValue({ field: f, value, onChange, autoFocus }: { field: Field; value: string; onChange: (v: string) => void; autoFocus?: boolean }) {
  const meta = useMeta();
  const e = meta.entity(f.target ?? '');
  const name = useName(f.target, value || undefined);
  const picker = usePicker({ chosen: value ? name : null, settled: () => !found.isFetching, clear: () => onChange('') });
  const found = useNames(e, picker.typed, true);
  const people = e && e.name === meta.people ? [{ value: 'me', label: t('filter.me') }] : [];
  const options = [...people, ...(found.data ?? []).map((x) => ({ value: String(x.id), label: x.name }))];
  if (value && !options.some((o) => o.value === value)) options.unshift({ value, label: name });
  return <Select {...picker.props} aria-label={t('filter.value')} searchable autoFocus={autoFocus} defaultDropdownOpened={autoFocus} data={options} filter={({ options: all }) => all} value={value || null} nothingFoundMessage={found.isFetching ? t('loading') : t('reference.none')} placeholder={t('reference.search')} onChange={(v) => { picker.picked(); onChange(v ?? ''); }} />;
}

function Value({ field: f, leaf, onChange, onDone, autoFocus }: { field: Field; leaf: Leaf; onChange: (values: string[]) => void; onDone?: () => void; autoFocus?: boolean }) {
  const meta = useMeta();
  const [raw, setRaw] = useState<string | null>(null);
  const w = wants(f, leaf.op);
  const v = leaf.values[0] ?? '';
  const choices = meta.choices(f).map((c) => ({ value: c.code, label: c.label || c.code }));
  const common = { 'aria-label': t('filter.value'), autoFocus };
  switch (w) {
    case 'none': return null;
    case 'choice': return <Select {...common} searchable={choices.length > 8} defaultDropdownOpened={autoFocus} data={choices} value={v || null} onChange={(x) => onChange(x ? [x] : [])} />;
    case 'choices': return <MultiSelect {...common} searchable data={choices} value={leaf.values} onChange={onChange} />;
    case 'tags': case 'tag': return <TagsInput {...common} data={choices.map((c) => c.value)} value={leaf.values} onChange={onChange} />;
    case 'yes_no': return <NativeSelect {...common} data={[{ value: 'true', label: t('yes') }, { value: 'false', label: t('no') }]} value={v || 'true'} onChange={(ev) => onChange([ev.currentTarget.value])} />;
    case 'record': return <RecordValue field={f} value={v} autoFocus={autoFocus} onChange={(x) => onChange(x ? [x] : [])} />;
    case 'period': return <NativeSelect {...common} data={[{ value: '', label: '' }, ...PERIODS.map((x) => ({ value: x, label: t(('period.' + x) as Key) }))]} value={v} onChange={(ev) => onChange([ev.currentTarget.value])} />;
    case 'duration': return <TextInput {...common} placeholder="1 h 20 min" value={raw ?? v} onChange={(ev) => { setRaw(ev.currentTarget.value); const s = parseDuration(ev.currentTarget.value); onChange([typeof s === 'number' ? `${s}s` : '']); }} />;
    default: {
      const two = w.startsWith('two');
      const type = w.includes('date') ? 'date' : 'text';
      const mode = w.includes('number') ? 'decimal' as const : undefined;
      const input = (i: number, label: string) => <TextInput key={i} {...common} aria-label={label} autoFocus={autoFocus && i === 0} type={type} inputMode={mode} value={leaf.values[i] ?? ''} onChange={(ev) => { const next = two ? [leaf.values[0] ?? '', leaf.values[1] ?? ''] : ['']; next[i] = ev.currentTarget.value; onChange(next); }} onKeyDown={(ev) => { if (ev.key === 'Enter') { ev.preventDefault(); onDone?.(); } }} />;
      return two ? <span className="two">{input(0, t('filter.from'))}{input(1, t('filter.to'))}</span> : input(0, t('filter.value'));
    }
  }
}

export default function LeafEditor({ entity: e, leaf, onChange, onDone, focusValue, compact }: Props) {
  const meta = useMeta();
  const f = fieldAt(meta, e, leaf.path);
  const fields = e.fields.filter((x) => filterable(x) && !x.hidden).map((x) => ({ value: x.name, label: x.label }));
  if (f && !fields.some((x) => x.value === leaf.path)) fields.unshift({ value: leaf.path, label: leaf.path });
  if (!f) return null;
  const ops = operators(f);
  return (
    <div className={compact ? 'leaf compact' : 'leaf'}>
      <NativeSelect aria-label={t('filter.field')} data={fields} value={leaf.path} onChange={(ev) => { const next = fieldAt(meta, e, ev.currentTarget.value); if (next) onChange({ ...startLeaf(next), path: ev.currentTarget.value }); }} />
      <NativeSelect aria-label={t('filter.operator')} data={ops.map((o) => ({ value: o.op, label: opWord(f, o.op) }))} value={leaf.op} onChange={(ev) => { const op = ev.currentTarget.value; onChange({ ...leaf, op, values: wants(f, op) === wants(f, leaf.op) || wants(f, op).replace('s', '') === wants(f, leaf.op).replace('s', '') ? leaf.values : [] }); }} />
      <Value key={leaf.path + wants(f, leaf.op)} field={f} leaf={leaf} autoFocus={focusValue} onDone={onDone} onChange={(values) => onChange({ ...leaf, values })} />
    </div>
  );
}
