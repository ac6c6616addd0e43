// Which columns a list shows, and in which order.
import { ActionIcon, Button, Checkbox, Group, Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { t } from '../locale/t';
import type { Entity } from '../meta/meta';
import { columnsText } from '../views/views';
import { shownColumns, toColumns, type Shown } from './columns';
import type { ListState } from './state';

export default function Columns({ entity: e, state }: { entity: Entity; state: ListState }) {
  const [find, setFind] = useState('');
  const shown = shownColumns(e, state.look.cols);
  const put = (list: Shown[]) => state.change({ cols: columnsText(toColumns(list)) }, true);
  const move = (i: number, by: number) => { const list = [...shown]; [list[i], list[i + by]] = [list[i + by]!, list[i]!]; put(list); };
  const fits = (f: Entity['fields'][number]) => !find || f.label.toLowerCase().includes(find.toLowerCase()) || f.name.includes(find.toLowerCase());
  const rest = e.fields.filter((f) => f.kind !== 'json' && !shown.some((c) => c.field === f) && fits(f));
  return (
    <>
      <TextInput size="xs" mb={8} autoFocus aria-label={t('columns.find')} placeholder={t('columns.find')} value={find} onChange={(ev) => setFind(ev.currentTarget.value)} />
      <div className="choices" tabIndex={0} role="group" aria-label={t('list.columns')}>
        <Stack gap={5} pe="md" py={2}>
          {shown.map((c, i) => !fits(c.field) ? null : (
            <Group key={c.field.name} gap={2} wrap="nowrap">
              <Checkbox size="xs" className="grow" label={c.field.label} disabled={i === 0} checked onChange={() => put(shown.filter((x) => x !== c))} />
              <ActionIcon size={24} variant="subtle" color="gray" disabled={i < 2} aria-label={t('columns.left', { label: c.field.label })} onClick={() => move(i, -1)}>↑</ActionIcon>
              <ActionIcon size={24} variant="subtle" color="gray" disabled={i === 0 || i === shown.length - 1} aria-label={t('columns.right', { label: c.field.label })} onClick={() => move(i, 1)}>↓</ActionIcon>
            </Group>
          ))}
          {rest.map((f) => <Checkbox key={f.name} size="xs" label={f.label} checked={false} onChange={() => put([...shown, { field: f, width: 0, fixed: false }])} />)}
        </Stack>
      </div>
      <Button size="compact-xs" mt={8} variant="default" onClick={() => state.change({ cols: '' }, true)}>{t('list.columns.reset')}</Button>
    </>
  );
}
