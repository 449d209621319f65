/**
 * The main job by a client that openapi-typescript made of the document of the API: it uploads, creates, starts, waits,
 * reads a log, lists and downloads. `node main_job.js URL FILE`, where FILE becomes the input `film` of pipeline `p`.
 */
import createClient from "openapi-fetch";
import { readFile } from "node:fs/promises";
import type { components, paths } from "./api.js";

type Project = components["schemas"]["ProjectDetail"];

const [url, file] = process.argv.slice(2) as [string, string];
const api = createClient<paths>({ baseUrl: `${url}/api/v1` });
const tus = { "Tus-Resumable": "1.0.0" };

function good<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (!answer.response.ok) throw new Error(`${answer.response.url}: ${JSON.stringify(answer.error)}`);
  return answer.data as T;
}

async function upload(content: Uint8Array<ArrayBuffer>, where: string): Promise<void> {
  const metadata = `where ${Buffer.from(where).toString("base64")}`;
  const begun = await api.POST("/uploads", {
    params: { header: { ...tus, "Upload-Length": content.length, "Upload-Metadata": metadata } },
  });
  good(begun);
  const id = begun.response.headers.get("Location")!.split("/").pop()!;
  const half = Math.floor(content.length / 2);
  for (const [from, to] of [[0, half], [half, content.length]] as const) {
    good(
      await api.PATCH("/uploads/{id}", {
        params: { path: { id }, header: { ...tus, "Upload-Offset": from } },
        headers: { "Content-Type": "application/octet-stream" },
        body: content.subarray(from, to) as unknown as string,
        bodySerializer: (piece) => piece,
      }),
    );
  }
}

async function settled(id: string): Promise<Project> {
  for (;;) {
    const project: Project = good(await api.GET("/projects/{id}", { params: { path: { id } } }));
    if (project.state === "succeeded" || project.state === "failed") return project;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const id = "typed";
const content = new Uint8Array(await readFile(file));
await upload(content, "pool:film.bin");
good(await api.POST("/projects", { body: { id, pipeline: "p", inputs: { film: "film.bin" } } }));
good(await api.POST("/projects/{id}/requests", { params: { path: { id } }, body: { request: "start" } }));
const project = await settled(id);

const run = { id, number: 1 };
const log = good(
  await api.GET("/projects/{id}/executions/{number}/log", { params: { path: run }, parseAs: "text" }),
);
const files = good(await api.GET("/projects/{id}/executions/{number}/files", { params: { path: run } }));
const got = good(
  await api.GET("/raw/executions/{id}/{number}/{path}", {
    params: { path: { ...run, path: "copy.bin" } },
    parseAs: "arrayBuffer",
  }),
) as ArrayBuffer;
const refused = await api.POST("/projects/{id}/requests", { params: { path: { id } }, body: { request: "resume" } });

console.log(
  JSON.stringify({
    state: project.state,
    log,
    paths: files.items.map((each) => each.path),
    same: Buffer.from(got).toString("base64") === Buffer.from(content).toString("base64"),
    refused: refused.error,
  }),
);
