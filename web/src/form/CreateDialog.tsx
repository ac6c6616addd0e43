import { Button, Group, Modal, Stack } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useMemo, useState, type FormEvent } from 'react';
import { call, Problem } from '../api/client';
import { Input } from '../fields/Input';
import { editableKind, isEmpty, toServer } from '../fields/format';
import { t } from '../locale/t';
import { writable, type Entity, type Field, type Rec } from '../meta/meta';
import { Complaint } from '../ui/bits';
import { useDraft } from '../ui/drafts';
import { later } from '../ui/later';

const LikelyNotice = later(async () => ({ default: (await import('../duplicates/Notices')).LikelyNotice }), 'soon');

const first = (f: Field) => (f.required ? 0 : f.asked || ['emails', 'phones'].includes(f.kind) || f.name === 'first_name' || f.name === 'last_name' ? 1 : f.custom ? 2 : f.kind === 'reference' && !f.standard ? 3 : 4);

function Form({ entity, start, onDone, onClose }: { entity: Entity; start: Record<string, unknown>; onDone: (r: Rec) => void; onClose: () => void }) {
  const client = useQueryClient();
  const [draft, setDraft] = useDraft<Record<string, any>>(`new ${entity.name} ${JSON.stringify(start)}`);
  const [kept, setKept] = useState(draft !== undefined);
  const values: Record<string, any> = draft ?? start;
  const [all, setAll] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const fields = useMemo(() => {
    const usable = entity.fields.filter((f) => writable(f) && editableKind(f) && !f.hidden && (!f.standard || f.name === 'owner' || f.name === 'tags'));
    return usable.map((f, i) => ({ f, i })).sort((a, b) => first(a.f) - first(b.f) || Number(!!a.f.group) - Number(!!b.f.group) || Number(!!a.f.standard) - Number(!!b.f.standard) || a.i - b.i).map((x) => x.f);
  }, [entity]);
  const problem = error instanceof Problem ? error : null;
  const few = Math.max(8, fields.filter((f) => f.required || f.asked).length);
  const shown = fields.filter((f, i) => all || i < few || !isEmpty(values[f.name]) || problem?.at(f.name));
  const elsewhere = problem && !shown.some((f) => problem.at(f.name));
  const body = Object.fromEntries(fields.filter((f) => !isEmpty(values[f.name])).map((f) => [f.name, toServer(f, values[f.name])]));
  async function submit(ev: FormEvent) {
    ev.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const { data } = await call<Rec>('POST', `/${entity.plural}`, body);
      setDraft(() => undefined);
      void client.invalidateQueries({ queryKey: ['list', entity.name] });
      void client.invalidateQueries({ queryKey: ['count', entity.name] });
      onDone(data);
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  }
  return (
    <form onSubmit={(e) => void submit(e)} noValidate>
      <Stack gap="sm">
        {kept && <div className="why" role="note">{t('form.kept')} <Button size="compact-sm" variant="default" onClick={() => { setDraft(() => undefined); setKept(false); }}>{t('form.afresh')}</Button></div>}
        {shown.map((f, i) => <Input key={f.name} field={f} label={f.label} required={f.required} describe value={values[f.name]} error={problem?.at(f.name)} autoFocus={i === 0 && !['reference', 'choice'].includes(f.kind)} onChange={(v) => { setDraft((old = start) => ({ ...old, [f.name]: v })); if (problem && (problem.at(f.name) || problem.errors.length === 1)) setError(null); }} />)}
        {!all && shown.length < fields.length && <Button variant="subtle" size="compact-sm" style={{ alignSelf: 'flex-start' }} onClick={() => setAll(true)}>{t('form.more', { n: fields.length - shown.length })}</Button>}
        {entity.fields.some((f) => f.kind === 'emails') && <LikelyNotice entity={entity} body={body} onUse={(id) => { setDraft(() => undefined); onDone({ id, version: 0 }); }} />}
        {(elsewhere || (error && !problem)) ? <Complaint error={error} /> : null}
        <Group justify="flex-end" gap="xs"><Button variant="default" onClick={() => { setDraft(() => undefined); onClose(); }}>{t('cancel')}</Button><Button type="submit" loading={busy}>{t('form.create')}</Button></Group>
      </Stack>
    </form>
  );
}

export function CreateDialog({ entity, opened, onClose, onDone, start = {} }: { entity: Entity; opened: boolean; onClose: () => void; onDone: (r: Rec) => void; start?: Record<string, unknown> }) {
  return <Modal opened={opened} onClose={onClose} title={t('new.title', { label: entity.label })} size="lg" closeButtonProps={{ 'aria-label': t('close') }} transitionProps={{ duration: 0 }} closeOnClickOutside={false}>{opened && <Form entity={entity} start={start} onDone={onDone} onClose={onClose} />}</Modal>;
}
