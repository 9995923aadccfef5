import { svelte } from '@sveltejs/vite-plugin-svelte';
import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

const pages = ['react', 'svelte', 'vue', 'element', 'ai-sdk', 'react-native'];

export default defineConfig({
  appType: 'mpa',
  plugins: [svelte(), vue()],
  build: { rolldownOptions: { input: pages.map((page) => `${page}/index.html`) } },
});
