// Three entries with content hashes in their names; the server finds them through manifest.json.
// `charts` is an entry of its own, so that only pages with a chart load ECharts.
import { defineConfig } from 'vite'

export default defineConfig({
  base: '/static/',
  build: {
    outDir: '../src/uptake/web/static',
    emptyOutDir: true,
    manifest: 'manifest.json',
    modulePreload: false,
    cssTarget: ['chrome123', 'edge123', 'firefox120', 'safari17.5'], // the first with light-dark()
    chunkSizeWarningLimit: 600, // kB; ECharts is most of it
    assetsInlineLimit: 0, // the content security policy has no data: addresses
    rollupOptions: {
      input: { app: 'src/app.js', charts: 'src/charts.js', style: 'src/app.css' },
    },
  },
})
