// Controls inside of a popover keep their lists inside of it too: outside, a choice would count as a click beside it.
import { createTheme, MantineThemeProvider } from '@mantine/core';
import type { ReactNode } from 'react';

const inside = { defaultProps: { comboboxProps: { withinPortal: false } } };
const theme = createTheme({ components: { Select: inside, MultiSelect: inside, TagsInput: inside } });
export const Nested = ({ children }: { children: ReactNode }) => <MantineThemeProvider theme={theme} inherit>{children}</MantineThemeProvider>;
