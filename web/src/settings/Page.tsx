import { Title } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTitle } from '../ui/bits';

/** The frame of a page of settings. */
export function Page({ title, help, action, children }: { title: string; help?: string; action?: ReactNode; children: ReactNode }) {
  useTitle(title);
  return (
    <div className="scrollpage">
      <div className="row spread"><Title order={1} size="h2">{title}</Title>{action}</div>
      {help && <p>{help}</p>}
      {children}
    </div>
  );
}
