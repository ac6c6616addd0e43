// One person of all contacts, found by typing.
import type { Field } from '../meta/meta';
import { Input } from './Input';

export type Person = { id: number; name: string } | null;
const PERSON = { name: 'person', kind: 'reference', target: 'contact' } as unknown as Field;

export function PersonInput({ label, value, onChange }: { label: string; value: Person; onChange: (p: Person) => void }) {
  return <Input field={{ ...PERSON, label }} label={label} value={value} onChange={onChange} />;
}
