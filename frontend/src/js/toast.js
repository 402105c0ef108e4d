// A short message at the corner, also read out by screen readers.
const SHOWN_MS = 3500

export function toast(message) {
  const list = document.getElementById('toasts')
  if (!list || [...list.children].some((each) => each.textContent === message)) return
  const item = document.createElement('div')
  item.className = 'toast'
  item.textContent = message
  list.append(item)
  setTimeout(() => item.remove(), SHOWN_MS)
}

// What the server wrote into the corner goes as those from here do.
for (const item of document.querySelectorAll('#toasts > .toast')) setTimeout(() => item.remove(), SHOWN_MS)
