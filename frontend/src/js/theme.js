// The colour scheme is the system's, or the reader's choice in a cookie, so that the server renders it without a flash.
const NEXT = { '': 'light', light: 'dark', dark: '' }
const NAMES = { '': 'System theme', light: 'Light theme', dark: 'Dark theme' }
const YEAR_S = 31_536_000

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-theme-switch]')
  if (!button) return
  const root = document.documentElement
  const theme = NEXT[root.dataset.theme ?? '']
  if (theme) root.dataset.theme = theme
  else delete root.dataset.theme
  document.cookie = `theme=${theme}; path=/; max-age=${theme ? YEAR_S : 0}; samesite=lax`
  const name = `${NAMES[theme]}: change`
  button.title = name
  button.querySelector('.sr').textContent = name
  document.dispatchEvent(new Event('theme'))
})
