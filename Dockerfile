# syntax=docker/dockerfile:1
# A target per program:  docker build --target ingest|worker|nerve .
# The programs are static and the images hold nothing else: no shell, no
# package manager, user 65532.

ARG GO_VERSION=1.26.8

# The compilers run on the builder's own architecture and cross-compile.
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION}-bookworm AS source
WORKDIR /src
ENV CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" GOTOOLCHAIN=local
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH
ENV GOOS=$TARGETOS GOARCH=$TARGETARCH

# One stage for each program, so that building ingest does not compile the
# Temporal server that only nerve embeds.
FROM source AS build-ingest
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -ldflags "-s -w" -o /out/ingest ./cmd/ingest

FROM source AS build-worker
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -ldflags "-s -w" -o /out/worker ./cmd/worker

FROM source AS build-nerve
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    go build -ldflags "-s -w" -o /out/nerve ./cmd/nerve

FROM gcr.io/distroless/static-debian13:nonroot AS base
LABEL org.opencontainers.image.title="nerve" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532

FROM base AS ingest
COPY --from=build-ingest /out/ingest /usr/local/bin/ingest
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["/usr/local/bin/ingest", "--healthcheck"]
ENTRYPOINT ["/usr/local/bin/ingest"]

FROM base AS worker
COPY --from=build-worker /out/worker /usr/local/bin/worker
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["/usr/local/bin/worker", "--healthcheck"]
ENTRYPOINT ["/usr/local/bin/worker"]

FROM base AS nerve
COPY --from=build-nerve /out/nerve /usr/local/bin/nerve
ENTRYPOINT ["/usr/local/bin/nerve"]
