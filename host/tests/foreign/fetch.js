// A component of another toolchain: it asks the server that `?url=` names, passes
// the answer on as it comes, and prints where it went.

addEventListener('fetch', (event) => event.respondWith(pass(event.request)));

async function pass(request) {
  const url = new URL(request.url).searchParams.get('url');
  if (url === null) return new Response(request.body, { status: 200 });
  console.log(`JavaScript asks ${url}`);
  try {
    const answer = await fetch(url, { method: request.method });
    return new Response(answer.body, { status: answer.status });
  } catch (error) {
    return new Response(String(error), { status: 502 });
  }
}
