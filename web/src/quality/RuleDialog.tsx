// One rule about data: made, changed, switched off, put into the bin.
import { Button, Group, Modal, NativeSelect, Stack, Switch, Textarea, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { call, Problem } from '../api/client';
import { t } from '../locale/t';
import { useMeta, type Entity } from '../meta/meta';
import { Complaint } from '../ui/bits';
import { undoable } from '../ui/undo';

export interface Rule { id: number; version: number; name: string; entity: string; kind: string; where: string; advice: string | null; weight: number; active: boolean }

function Form({ rule, entity: e, onDone, onClose }: { rule: Rule | null; entity: Entity; onDone: () => void; onClose: () => void }) {
  const meta = useMeta();
  const kinds = meta.choices(meta.entity('quality_rule')!.fields.find((f) => f.name === 'kind')!);
  const [v, setV] = useState({ name: rule?.name ?? '', kind: rule?.kind ?? kinds[0]?.code ?? '', where: rule?.where ?? '', advice: rule?.advice ?? '', weight: String(rule?.weight ?? 1), active: rule?.active ?? true });
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const at = (f: string) => (error instanceof Problem ? error.at(f) : undefined);
  const put = (patch: Partial<typeof v>) => setV({ ...v, ...patch });
  const told = error instanceof Problem && ['name', 'kind', 'where', 'advice', 'weight'].some(at);
  async function send(work: () => Promise<unknown>) {
    setBusy(true);
    setError(null);
    try { await work(); onDone(); onClose(); } catch (x) { setError(x); setBusy(false); }
  }
  function save(ev: FormEvent) {
    ev.preventDefault();
    const body = { ...v, advice: v.advice || null, weight: /^\d+$/.test(v.weight) ? Number(v.weight) : v.weight };
    void send(() => (rule ? call('PATCH', `/quality_rules/${rule.id}`, { ...body, version: rule.version }) : call('POST', '/quality_rules', { ...body, entity: e.name })));
  }
  const remove = () => void send(async () => {
    await call('DELETE', `/quality_rules/${rule!.id}`);
    undoable(t('record.deleted', { name: rule!.name }), async () => { await call('POST', `/quality_rules/${rule!.id}/restore`); onDone(); });
  });
  return (
    <form onSubmit={save} noValidate>
      <Stack gap="sm">
        <TextInput label={t('quality.name')} required data-autofocus value={v.name} error={at('name')} onChange={(ev) => put({ name: ev.currentTarget.value })} />
        <Textarea label={t('quality.where')} description={t('quality.where.help')} required autosize minRows={2} spellCheck={false} value={v.where} error={at('where')} onChange={(ev) => put({ where: ev.currentTarget.value })} />
        <NativeSelect label={t('quality.kind')} data={kinds.map((k) => ({ value: k.code, label: k.label }))} value={v.kind} error={at('kind')} onChange={(ev) => put({ kind: ev.currentTarget.value })} />
        <TextInput label={t('quality.advice')} value={v.advice} error={at('advice')} onChange={(ev) => put({ advice: ev.currentTarget.value })} />
        <TextInput label={t('quality.weight')} description={t('quality.weight.help')} inputMode="numeric" value={v.weight} error={at('weight')} onChange={(ev) => put({ weight: ev.currentTarget.value })} />
        <Switch label={t('quality.active')} checked={v.active} onChange={(ev) => put({ active: ev.currentTarget.checked })} />
        {error && !told ? <Complaint error={error} /> : null}
        <Group gap="xs" justify="flex-end">
          {rule && <Button variant="default" style={{ marginInlineEnd: 'auto' }} onClick={remove}>{t('record.delete')}</Button>}
          <Button variant="default" onClick={onClose}>{t('cancel')}</Button>
          <Button type="submit" loading={busy}>{t('save')}</Button>
        </Group>
      </Stack>
    </form>
  );
}

export default function RuleDialog({ rule, entity, opened, onDone, onClose }: { rule: Rule | null; entity: Entity; opened: boolean; onDone: () => void; onClose: () => void }) {
  return <Modal opened={opened} onClose={onClose} title={rule ? rule.name : t('quality.new')} size="lg" closeButtonProps={{ 'aria-label': t('close') }} transitionProps={{ duration: 0 }} closeOnClickOutside={false}>{opened && <Form rule={rule} entity={entity} onDone={onDone} onClose={onClose} />}</Modal>;
}
