// What an object can do that its fields do not tell: a panel of its own on the page of its records. Offered by features/.
import type { ComponentType } from 'react';
import type { Key } from '../locale/t';
import type { Entity, Rec } from '../meta/meta';

export interface PanelProps { entity: Entity; record: Rec }
interface Panel { tab: Key; /** its tab stands behind the timeline and what is related */ behind?: boolean; /** actions that the panel has buttons for */ handles: string[]; /** fields that it shows itself */ shows?: string[]; Body: ComponentType<PanelProps> }

const panels = new Map<string, Panel>();
export const offer = (entity: string, panel: Panel) => void panels.set(entity, panel);
export const panelOf = (entity: string) => panels.get(entity);
