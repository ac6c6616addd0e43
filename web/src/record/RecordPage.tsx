import { Button, Skeleton, Stack, Tabs } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { call } from '../api/client';
import { Display } from '../fields/Display';
import { isEmpty } from '../fields/format';
import { t } from '../locale/t';
import { address, can, titleOf, useMeta, type Entity, type Rec } from '../meta/meta';
import { Complaint, ErrorState, Letter, useTitle } from '../ui/bits';
import { undoable } from '../ui/undo';
import { FieldPanel } from './FieldPanel';
import { History } from './History';
import { Related } from './Related';
import { Timeline } from './Timeline';

const RecordNotices = lazy(() => import('../duplicates/Notices'));

export default function RecordPage({ entity: e, id }: { entity: Entity; id: number }) {
  const meta = useMeta();
  const client = useQueryClient();
  const [, go] = useLocation();
  const [error, setError] = useState<unknown>(null);
  const record = useQuery({ queryKey: ['record', e.name, id], queryFn: async ({ signal }) => (await call<Rec>('GET', `/${e.plural}/${id}`, undefined, {}, signal)).data });
  const r = record.data;
  useTitle(r ? `${titleOf(e, r)} · ${e.label_plural}` : e.label);
  if (record.error && !r) return <ErrorState error={record.error} retry={() => void record.refetch()} />;
  if (!r) return <Stack p="md" aria-busy aria-label={t('loading')}>{Array.from({ length: 9 }, (_, i) => <Skeleton key={i} height={26} />)}</Stack>;
  const children = e.children.filter((c) => meta.entity(c.entity));
  const activity = !e.activity && !e.link && meta.raw.entities.some((a) => a.activity);
  const related = children.filter((c) => !(activity && meta.entity(c.entity)!.activity));
  const pills = e.fields.filter((f) => f.kind === 'choice' && !f.group && !isEmpty(r[f.name])).slice(0, 3);

  async function remove() {
    setError(null);
    try {
      await call('DELETE', `/${e.plural}/${id}`);
    } catch (x) {
      return setError(x);
    }
    void client.invalidateQueries({ queryKey: ['list', e.name] });
    go(address(e));
    undoable(t('record.deleted', { name: titleOf(e, r) }), async () => {
      await call('POST', `/${e.plural}/${id}/restore`);
      void client.invalidateQueries({ queryKey: ['list', e.name] });
      go(address(e, id));
    });
  }

  return (
    <div className="page">
      <div className="bar">
        <Letter big text={titleOf(e, r)} of={e.name} />
        <div className="grow">
          <Link className="reflink" href={address(e)} style={{ fontSize: 12.5 }}>{e.label_plural}</Link>
          <h1>{titleOf(e, r)}</h1>
        </div>
        <span className="chips pills">{pills.map((f) => <Display key={f.name} field={f} value={r[f.name]} />)}</span>
        {can(e, 'delete') && <Button size="xs" variant="default" onClick={() => void remove()}>{t('record.delete')}</Button>}
      </div>
      {error ? <div style={{ padding: '0 18px 12px' }}><Complaint error={error} /></div> : null}
      <Suspense fallback={null}><RecordNotices entity={e} record={r} /></Suspense>
      <div className="record">
        <section aria-label={t('record.fields')} tabIndex={0}><FieldPanel entity={e} record={r} /></section>
        <section aria-label={t('record.more')} tabIndex={0}>
          <Tabs defaultValue={activity ? 'timeline' : related.length ? 'related' : 'history'} keepMounted={false}>
            <Tabs.List>
              {activity && <Tabs.Tab value="timeline">{t('record.timeline')}</Tabs.Tab>}
              {related.length > 0 && <Tabs.Tab value="related">{t('record.related')}</Tabs.Tab>}
              <Tabs.Tab value="history">{t('record.history')}</Tabs.Tab>
            </Tabs.List>
            {activity && <Tabs.Panel value="timeline" pt="sm"><Timeline entity={e} id={id} /></Tabs.Panel>}
            {related.length > 0 && <Tabs.Panel value="related" pt="sm">{related.map((c) => <Related key={c.name} entity={e} record={r} by={c} label={labelOf(c.name)} />)}</Tabs.Panel>}
            <Tabs.Panel value="history" pt="sm"><History entity={e} id={id} record={r} /></Tabs.Panel>
          </Tabs>
        </section>
      </div>
    </div>
  );
}

const labelOf = (name: string) => { const s = name.replace(/^x_/, '').replaceAll('_', ' '); return s.charAt(0).toUpperCase() + s.slice(1); };
