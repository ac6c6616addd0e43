import { Button, Skeleton, Stack, Tabs } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useLocation, useSearch } from 'wouter';
import { call, get, Problem } from '../api/client';
import { isGone, onChanges } from '../api/live';
import { usePhone } from '../app/Shell';
import { t } from '../locale/t';
import { address, can, titleOf, useMeta, type Child, type Entity, type Meta } from '../meta/meta';
import { Complaint, ErrorState, useTitle } from '../ui/bits';
import { ScrollX } from '../ui/ScrollX';
import { later } from '../ui/later';
import Nowhere from '../ui/Nowhere';
import { undoable } from '../ui/undo';
import { FieldPanel } from './FieldPanel';
import { Files } from './Files';
import { Header } from './Header';
import { panelOf } from './panel';
import { History } from './History';
import { Related } from './Related';
import { useRecord } from './useRecord';
import { Timeline } from './Timeline';

const RecordNotices = later(() => import('../duplicates/Notices'), 'soon');

/** Whether somebody deleted the record while it is on the screen. Of one that was merged the other is shown. */
function useGone(e: Entity, id: number) {
  const [gone, setGone] = useState(false);
  const [, go] = useLocation();
  useEffect(() => onChanges((changes) => {
    const last = changes.filter((c) => c.entity === e.name && c.id === id).at(-1);
    if (last?.into) go(address(e, last.into), { replace: true });
    else if (last) setGone(isGone(last));
  }), [e, id, go]);
  return gone;
}

export default function RecordPage({ entity: e, id }: { entity: Entity; id: number }) {
  const meta = useMeta();
  const client = useQueryClient();
  const [, go] = useLocation();
  const [error, setError] = useState<unknown>(null);
  const record = useRecord(e, id);
  const phone = usePhone();
  const [tab, setTab] = useState<string | null>(null);
  const r = record.data;
  const gone = useGone(e, id);
  const first = new URLSearchParams(useSearch()).get('log') ?? undefined;
  // a right that does not hold for all: whether it holds here, and why not
  const access = useQuery({ queryKey: ['record', e.name, id, 'access'], enabled: !!r && e.rights.update !== 'all', retry: false, queryFn: ({ signal }) => get<{ allowed: boolean; because: string }>(`/${e.plural}/${id}/access`, { right: 'update' }, signal) });
  const denied = access.data && !access.data.allowed ? access.data.because : '';
  useTitle(r ? `${titleOf(e, r)} · ${e.label_plural}` : e.label);
  if (record.error instanceof Problem && record.error.status === 404 && !r) return <Nowhere of={e} />;
  if (record.error && !r) return <ErrorState error={record.error} retry={() => void record.refetch()} />;
  if (!r) return <Stack p="md" aria-busy aria-label={t('loading')}>{Array.from({ length: 9 }, (_, i) => <Skeleton key={i} height={26} />)}</Stack>;
  const children = e.children.filter((c) => meta.entity(c.entity));
  const activity = !e.activity && !e.link && meta.raw.entities.some((a) => a.activity);
  const related = children.filter((c) => !(activity && meta.entity(c.entity)!.activity));

  const panel = panelOf(e.name), front = panel && !panel.behind;
  const files = !e.link && meta.files && meta.files.entity !== e && can(meta.files.entity, 'read');

  const usual = front ? 'panel' : phone && !first ? 'fields' : activity ? 'timeline' : related.length ? 'related' : 'history';
  // on a phone one at a time, so that nothing stands far below the rest; the fields stay where they are in the tree, and with
  // them what is typed there, when the width changes
  const shown = tab && (phone || tab !== 'fields') ? tab : usual;

  const anew = () => void client.invalidateQueries({ queryKey: ['list', e.name] });
  const restore = async () => { await call('POST', `/${e.plural}/${id}/restore`); anew(); };

  async function remove() {
    setError(null);
    void client.cancelQueries({ queryKey: ['record', e.name, id] }); // it would be answered that there is none
    try {
      await call('DELETE', `/${e.plural}/${id}`);
    } catch (x) {
      return setError(x);
    }
    anew();
    go(address(e));
    undoable(t('record.deleted', { name: titleOf(e, r) }), async () => { await restore(); go(address(e, id)); });
  }

  return (
    <div className="page">
      <Header entity={e} record={r} without={panel?.handles} onDelete={gone ? undefined : () => void remove()} />
      {gone && (
        <div className="why denied gone" role="status">
          {t('record.deleted', { name: titleOf(e, r) })}
          {can(e, 'delete') && <Button size="compact-sm" variant="default" onClick={() => { setError(null); restore().catch(setError); }}>{t('bin.restore')}</Button>}
        </div>
      )}
      {denied && <div className="why denied" role="note">{t('record.denied', { why: denied })}</div>}
      {error ? <div style={{ padding: '0 18px 12px' }}><Complaint error={error} /></div> : null}
      <RecordNotices entity={e} record={r} />
      <div className="record">
        <section aria-label={t('record.fields')} tabIndex={0} hidden={phone && shown !== 'fields'}><FieldPanel entity={e} record={r} fixed={!!denied || gone} without={panel?.shows} /></section>
        <section aria-label={t('record.more')} tabIndex={0}>
          <Tabs value={shown} onChange={setTab} keepMounted={false}>
            <ScrollX className="tabline"><Tabs.List>
              {front && <Tabs.Tab value="panel">{t(panel.tab)}</Tabs.Tab>}
              {phone && <Tabs.Tab value="fields">{t('record.details')}</Tabs.Tab>}
              {activity && <Tabs.Tab value="timeline">{t('record.timeline')}</Tabs.Tab>}
              {related.length > 0 && <Tabs.Tab value="related">{t('record.related')}</Tabs.Tab>}
              {panel?.behind && <Tabs.Tab value="panel">{t(panel.tab)}</Tabs.Tab>}
              {files && <Tabs.Tab value="files">{t('record.files')}</Tabs.Tab>}
              <Tabs.Tab value="history">{t('record.history')}</Tabs.Tab>
            </Tabs.List></ScrollX>
            {panel && <Tabs.Panel value="panel" pt="sm"><panel.Body entity={e} record={r} /></Tabs.Panel>}
            {phone && <Tabs.Panel value="fields"> </Tabs.Panel>}
            {activity && <Tabs.Panel value="timeline" pt="sm"><Timeline entity={e} id={id} first={first} /></Tabs.Panel>}
            {related.length > 0 && <Tabs.Panel value="related" pt="sm">{related.map((c) => <Related key={c.name} entity={e} record={r} by={c} label={labelOf(meta, c)} />)}</Tabs.Panel>}
            {files && <Tabs.Panel value="files" pt="sm"><Files entity={e} id={id} /></Tabs.Panel>}
            <Tabs.Panel value="history" pt="sm"><History entity={e} id={id} record={r} /></Tabs.Panel>
          </Tabs>
        </section>
      </div>
    </div>
  );
}

/** Records of an object by the name of that, and by which field where several lead here. */
function labelOf(meta: Meta, c: Child) {
  const e = meta.entity(c.entity)!;
  return c.name === e.plural ? e.label_plural : `${e.label_plural} (${e.fields.find((f) => f.name === c.by)?.label ?? c.by})`;
}
