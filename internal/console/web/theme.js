// Light or dark, before the first paint: the reader's choice, else the system's. Swagger UI's own style listens to
// the class dark-mode, ours to color-scheme.
'use strict';
{
  const key = 'ringfence.console.theme';
  const system = matchMedia('(prefers-color-scheme: dark)');
  const chosen = () => {
    try {
      return localStorage.getItem(key) || 'auto';
    } catch {
      return 'auto'; // storage is switched off
    }
  };
  const apply = (theme) => {
    const dark = theme === 'dark' || (theme === 'auto' && system.matches);
    document.documentElement.dataset.theme = dark ? 'dark' : 'light';
    document.documentElement.classList.toggle('dark-mode', dark);
  };

  let theme = chosen();
  apply(theme);
  system.addEventListener('change', () => apply(theme));

  addEventListener('DOMContentLoaded', () => {
    const choice = document.querySelector('.theme');
    choice.hidden = false;
    for (const option of choice.querySelectorAll('input')) {
      option.checked = option.value === theme;
      option.addEventListener('change', () => {
        theme = option.value;
        apply(theme);
        try {
          localStorage.setItem(key, theme);
        } catch {
          // storage is switched off: the choice lasts as long as the page
        }
      });
    }
  });
}
