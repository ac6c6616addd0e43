// By what a list is ordered, and where in that order it begins.
import { Button, Group, NativeSelect, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { t } from '../locale/t';
import { sortable, type Entity } from '../meta/meta';
import { jumpField } from './ListBody';
import type { ListState } from './state';

export default function Sorting({ entity: e, state, onDone }: { entity: Entity; state: ListState; onDone: () => void }) {
  const [from, setFrom] = useState('');
  const keys = state.look.sort ? state.look.sort.split(',') : [];
  const fields = e.fields.filter((f) => sortable(f) && !f.hidden);
  const put = (list: string[]) => state.change({ sort: list.join(',') });
  const name = (k: string) => k.replace(/^-/, '');
  const jump = jumpField(e, state.look.sort);
  return (
    <Stack gap={6}>
      {keys.length === 0 && <div className="dim">{t('sort.none')}</div>}
      {keys.map((k, i) => (
        <Group key={i} gap={4} wrap="nowrap">
          <NativeSelect className="grow" size="xs" aria-label={t('sort.key', { n: i + 1 })} data={fields.map((f) => ({ value: f.name, label: f.label }))} value={name(k)} onChange={(ev) => put(keys.map((x, y) => (y === i ? (x.startsWith('-') ? '-' : '') + ev.currentTarget.value : x)))} />
          <NativeSelect size="xs" aria-label={t('sort.direction', { n: i + 1 })} data={[{ value: '', label: t('sort.up') }, { value: '-', label: t('sort.down') }]} value={k.startsWith('-') ? '-' : ''} onChange={(ev) => put(keys.map((x, y) => (y === i ? ev.currentTarget.value + name(x) : x)))} />
          <button type="button" className="fx" aria-label={t('sort.remove', { n: i + 1 })} onClick={() => put(keys.filter((_, y) => y !== i))}>✕</button>
        </Group>
      ))}
      {keys.length < 4 && <NativeSelect size="xs" aria-label={t('sort.add')} data={[{ value: '', label: t('sort.add') }, ...fields.filter((f) => !keys.map(name).includes(f.name)).map((f) => ({ value: f.name, label: f.label }))]} value="" onChange={(ev) => { if (ev.currentTarget.value) put([...keys, ev.currentTarget.value]); }} />}
      {jump && <form style={{ display: 'flex', gap: 6 }} onSubmit={(ev) => { ev.preventDefault(); if (from.trim()) { state.set({ from: from.trim() }); onDone(); } }}><TextInput size="xs" className="grow" aria-label={t('sort.jump', { label: jump.label })} placeholder={t('sort.jump', { label: jump.label })} value={from} onChange={(ev) => setFrom(ev.currentTarget.value)} /><Button type="submit" size="xs" variant="default">{t('sort.go')}</Button></form>}
    </Stack>
  );
}
