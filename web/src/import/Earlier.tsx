// Imports that were made before, with the way back.
import { Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import { ago, number } from '../fields/format';
import { useChoice } from '../fields/Display';
import { t } from '../locale/t';
import { address, can, useMeta, type Entity } from '../meta/meta';
import { Chip, Loading } from '../ui/bits';
import { Link } from '../ui/Link';
import { type Import } from './plan';
import { UndoImport, useUndone } from './Result';

function State({ i }: { i: Import }) {
  const f = useMeta().entity('import')!.fields.find((x) => x.name === 'state')!;
  const name = useChoice(f);
  const undone = useUndone(i.state === 'done' ? i.change_set : null);
  return (
    <>
      {undone.data?.undone_by ? <Chip label={t('import.taken')} colour="gray" /> : <Chip {...name(i.state)} />}
      {i.change_set && undone.data && !undone.data.undone_by ? <UndoImport i={i} small /> : null}
    </>
  );
}

/** Of one object, or with `recent` of all, the last days alone. */
export function Earlier({ entity: e, recent }: { entity?: Entity; recent?: boolean }) {
  const meta = useMeta();
  const of = meta.entity('import');
  const where = recent ? 'created_at > now - 7d and created_by = me' : e ? `entity = '${e.name}'` : undefined;
  const q = useQuery({ queryKey: ['related', 'import', where], enabled: !!of && can(of, 'read'), retry: false, queryFn: ({ signal }) => get<{ items: Import[] }>('/imports', { where, sort: '-id', limit: recent ? 3 : 20, fields: 'id,name,entity,state,rows,created,updated,rejected,change_set,created_at,created_by' }, signal) });
  if (q.isPending && q.fetchStatus !== 'idle') return recent ? null : <Loading height={60} />;
  if (!q.data?.items.length) return null;
  return (
    <section aria-label={t('import.earlier')} style={{ marginTop: 22 }}>
      <Title order={2} size="h5" mb={6}>{t('import.earlier')}</Title>
      <ul className="plainlist">
        {q.data.items.map((i) => {
          const to = meta.entity(i.entity);
          return (
            <li key={i.id} className="importrow">
              {to ? <Link className="rowlink grow cut" href={`${address(to)}/import?id=${i.id}`}>{i.name}</Link> : <span className="grow cut">{i.name}</span>}
              <small className="dim">{recent && to ? to.label_plural + ' · ' : ''}{i.state === 'done' ? t('import.short', { created: number(i.created ?? 0), updated: number(i.updated ?? 0), rejected: number(i.rejected ?? 0) }) : i.rows !== null ? t('import.rows', { n: number(i.rows) }) : ''} · {ago(i.created_at)}</small>
              <State i={i} />
            </li>
          );
        })}
      </ul>
    </section>
  );
}
export default function Recent() { return <Earlier recent />; }
