import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';
import './styles/mantine.css';
import 'virtual:theme.css';
import './styles/app.css';
import { App } from './app/App';
import './features/panels';
import { Problem } from './api/client';
import { pick, setLanguage } from './locale/t';
import { theme } from './styles/theme';
import { density, lastLanguage, setDensity } from './ui/look';
import { Messages } from './ui/undo';

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? '';
// what a dialog adds to lock scrolling takes its nonce from this name
(window as unknown as { __webpack_nonce__: string }).__webpack_nonce__ = nonce;
const client = new QueryClient({
  defaultOptions: { queries: { refetchOnWindowFocus: false, staleTime: 5_000, retry: (n, e) => n < 2 && (!(e instanceof Problem) || e.status === 0 || e.status >= 500) } },
});

// the texts first: a page in two languages would flicker
if (density() === 'compact') setDensity('compact');
void setLanguage(pick(lastLanguage(), navigator.language)).finally(() => createRoot(document.getElementById('root')!).render(
  <MantineProvider theme={theme} withCssVariables={false} withGlobalClasses={false} getStyleNonce={() => nonce} defaultColorScheme="auto">
    <QueryClientProvider client={client}>
      <Messages position="bottom-right" limit={matchMedia('(max-width: 48em)').matches ? 2 : 3} />
      <App />
    </QueryClientProvider>
  </MantineProvider>,
));
