const session = await fetch('/auth/session').then((answer) => answer.json())
document.querySelector('#session').textContent = JSON.stringify(session, null, 2)
