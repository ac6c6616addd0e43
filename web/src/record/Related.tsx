import { Button, Group, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { get } from '../api/client';
import { Display, Value } from '../fields/Display';
import { isEmpty } from '../fields/format';
import { CreateDialog } from '../form/CreateDialog';
import { t } from '../locale/t';
import { address, alarmOf, can, defaultColumns, titleOf, useMeta, type Child, type Entity, type Field, type Rec } from '../meta/meta';
import { ErrorState, Loading } from '../ui/bits';
import { Link } from '../ui/Link';

export function Related({ entity: e, record: r, by, label }: { entity: Entity; record: Rec; by: Child; label: string }) {
  const child = useMeta().entity(by.entity)!;
  const client = useQueryClient();
  const [making, make] = useDisclosure(false);
  const field = child.fields.find((f) => f.name === by.by);
  const other = child.link ? child.fields.filter((f) => f.kind === 'reference' && !f.standard && f.name !== by.by) : [];
  const columns = (child.link ? [...other, ...child.fields.filter((f) => !f.standard && f.kind !== 'reference')] : defaultColumns(child).filter((n) => n !== by.by).slice(0, 5).map((n) => child.fields.find((f) => f.name === n))).filter((f): f is Field => !!f);
  const where = `${by.by} = ${field?.kind === 'any_reference' ? `'${e.name}:${r.id}'` : r.id}`;
  const fields = ['id', ...columns.flatMap((f) => [f.name, alarmOf(child, f)?.name ?? []].flat())].join(',');
  const list = useQuery({ queryKey: ['related', child.name, where, fields], queryFn: ({ signal }) => get<{ items: Rec[]; next: string | null }>(`/${child.plural}`, { where, fields, limit: 24 }, signal) });
  const value = field?.kind === 'any_reference' ? { entity: e.name, id: r.id, name: titleOf(e, r) } : { id: r.id, name: titleOf(e, r) };
  return (
    <section aria-label={label} style={{ marginBottom: 22 }}>
      <Group gap="sm" mb={4}>
        <Title order={2} size="h6">{label}</Title>
        {list.data && list.data.items.length > 0 && <Link className="reflink" href={address(child) + '?' + new URLSearchParams({ where })}>{t('related.all')}</Link>}
        <span className="grow" />
        {can(child, 'create') && <Button size="compact-xs" variant="default" aria-label={`${label}: ${t('related.add')}`} onClick={make.open}>{t('related.add')}</Button>}
      </Group>
      {list.error ? <ErrorState error={list.error} /> : list.isPending ? <Loading height={24} /> : list.data.items.length === 0 ? <div style={{ color: 'var(--mantine-color-dimmed)' }}>{t('related.empty')}</div> : (
        <ul className="rcards" aria-label={child.label_plural}>
          {list.data.items.map((x) => (
            <li key={x.id} className="rcard">
              {child.link ? columns.slice(0, 1).map((f) => <b key={f.name}><Display field={f} value={x[f.name]} short /></b>) : <Link className="rowlink cut" href={address(child, x.id)}>{titleOf(child, x)}</Link>}
              <dl className="rfields">{columns.filter((f, i) => (child.link ? i > 0 : f.name !== child.title) && !isEmpty(x[f.name])).slice(0, 4).map((f) => <div key={f.name}><dt>{f.label}</dt><dd><Value entity={child} field={f} record={x} short /></dd></div>)}</dl>
            </li>
          ))}
        </ul>
      )}
      <CreateDialog entity={child} opened={making} onClose={make.close} start={{ [by.by]: value }} onDone={() => { make.close(); void client.invalidateQueries({ queryKey: ['related', child.name] }); }} />
    </section>
  );
}
