// Files that belong to a record: sent, opened, taken away.
import { ActionIcon } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState, type DragEvent } from 'react';
import { call, upload } from '../api/client';
import { ago, bytes } from '../fields/format';
import { t } from '../locale/t';
import { can, useMeta, type Entity, type Rec } from '../meta/meta';
import { Complaint, Empty, ErrorState, Letter, Loading } from '../ui/bits';
import { undoable } from '../ui/undo';

/** The newest files that belong to the record. A filter cannot compare a reference to any object, so they are picked here, among the newest. */
async function filesOf(file: Entity, of: string, entity: string, id: number, signal: AbortSignal): Promise<Rec[]> {
  const found: Rec[] = [];
  for (let after: string | null = '', turn = 0; after !== null && turn < 10; turn++) {
    // a body, since the plain address takes files alone
    const { data }: { data: { items: Rec[]; next: string | null } } = await call('POST', `/${file.plural}/query`, { where: `${of} is not empty`, sort: '-id', limit: 200, ...(after && { after }) }, {}, signal);
    found.push(...data.items.filter((r) => r[of]?.entity === entity && r[of]?.id === id));
    after = data.next;
  }
  return found;
}

export function Files({ entity: e, id }: { entity: Entity; id: number }) {
  const { entity: file, of } = useMeta().files!;
  const client = useQueryClient();
  const [busy, setBusy] = useState(0);
  const [over, setOver] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const list = useQuery({ queryKey: ['related', file.name, e.name, id], queryFn: ({ signal }) => filesOf(file, of.name, e.name, id, signal) });
  const anew = () => client.invalidateQueries({ queryKey: ['related', file.name] });
  async function take(files: FileList | null) {
    const all = [...(files ?? [])];
    setError(null);
    setBusy(all.length);
    for (const f of all) {
      try {
        const { data } = await upload<Rec>(f);
        await call('PATCH', `/${file.plural}/${data.id}`, { [of.name]: { entity: e.name, id } });
      } catch (x) { setError(x); }
      setBusy((n) => n - 1);
    }
    await anew();
  }
  async function remove(r: Rec) {
    try { await call('DELETE', `/${file.plural}/${r.id}`); } catch (x) { return setError(x); }
    await anew();
    undoable(t('record.deleted', { name: r.name }), async () => { await call('POST', `/${file.plural}/${r.id}/restore`); await anew(); });
  }
  const drag = {
    onDragOver: (ev: DragEvent) => { if (ev.dataTransfer.types.includes('Files')) { ev.preventDefault(); setOver(true); } },
    onDragLeave: () => setOver(false),
    onDrop: (ev: DragEvent) => { ev.preventDefault(); setOver(false); void take(ev.dataTransfer.files); },
  };
  return (
    <div {...drag} className={over ? 'dropping' : undefined}>
      {can(file, 'create') && <div className="drop slim"><span className="dim">{busy ? t('import.sending') : t('files.drop')}</span><span className="filebutton small"><input type="file" multiple aria-label={t('files.add')} disabled={busy > 0} onChange={(ev) => { void take(ev.currentTarget.files); }} /><span aria-hidden>{t('files.add')}</span></span></div>}
      <Complaint error={error} />
      {list.error ? <ErrorState error={list.error} retry={() => void list.refetch()} /> : !list.data ? <Loading height={40} mt="sm" /> : list.data.length === 0 ? <Empty title={t('files.none')} /> : (
        <ul className="plainlist">
          {list.data.map((r) => (
            <li key={r.id} style={{ alignItems: 'center' }}>
              <Letter text={(r.name.split('.').pop() ?? '?').slice(0, 1)} of={r.type ?? ''} />
              <a className="rowlink grow cut" href={`/api/v1/${file.plural}/${r.id}/content`} download={r.name}>{r.name}</a>
              <small className="dim">{bytes(r.size ?? 0)} · {ago(r.created_at)}</small>
              {can(file, 'delete') && <ActionIcon variant="subtle" color="gray" aria-label={t('files.remove', { name: r.name })} onClick={() => void remove(r)}>✕</ActionIcon>}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
