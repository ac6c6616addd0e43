import { Group, NativeSelect } from '@mantine/core';
import { t } from '../locale/t';
import { valueKind, type Entity } from '../meta/meta';
import { groupOf, UNITS } from './groups';

/** Which field makes the groups, and for days how fine. Serves the list, the board and the chart. */
export function GroupPicker({ entity: e, value, fit, onChange, label, none }: { entity: Entity; value: string; fit: (f: Entity['fields'][number]) => boolean; onChange: (v: string) => void; label: string; none?: string }) {
  const g = groupOf(e, value);
  return (
    <Group gap={6} wrap="nowrap">
      <NativeSelect size="xs" className="grow" aria-label={label} data={[...(none !== undefined ? [{ value: '', label: none }] : []), ...e.fields.filter((f) => fit(f) && !f.hidden).map((f) => ({ value: f.name, label: f.label }))]} value={g?.field.name ?? ''} onChange={(ev) => { const f = e.fields.find((x) => x.name === ev.currentTarget.value); onChange(f ? f.name + (['date', 'instant'].includes(valueKind(f)) ? ':month' : '') : ''); }} />
      {g?.unit && <NativeSelect size="xs" aria-label={t('group.unit')} data={UNITS.map((u) => ({ value: u, label: t(`unit.${u}`) }))} value={g.unit} onChange={(ev) => onChange(`${g.field.name}:${ev.currentTarget.value}`)} />}
    </Group>
  );
}
