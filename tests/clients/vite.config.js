// The browser SDK and the page's script as one file; the frontend's Vite builds it (see tests/flow/test_real_clients.py).
export default {
  root: import.meta.dirname,
  define: { 'process.env.NODE_ENV': '"production"' },
  logLevel: 'warn',
  build: {
    lib: { entry: 'analytics_next.js', formats: ['iife'], name: 'client', fileName: () => 'analytics_next.js' },
    outDir: '../../build/clients',
    emptyOutDir: true
  }
}
