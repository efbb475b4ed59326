FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
# Dependencies in a separate layer, rebuilt only after a change of the manifest or the lock file.
COPY Cargo.toml Cargo.lock build.rs ./
RUN mkdir src && echo 'fn main() {}' >src/main.rs && touch src/lib.rs && cargo build --release --locked
COPY scripts/notices scripts/notices
RUN scripts/notices /build/notices
COPY src src
# COPY keeps the modification times of the files; the placeholders have newer times.
RUN touch src/lib.rs src/main.rs && cargo build --release --locked

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="study-stats" \
      org.opencontainers.image.description="Records study sessions; answers exactly, in constant time, what learners have done in a course." \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
# Root certificates for rediss://, unless REDIS_CA_FILE names another file.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 10001 -g 10001 /data
COPY --from=build /build/target/release/study-stats /usr/local/bin/
COPY --from=build /build/notices /usr/share/doc/study-stats
ENV DATA_DIR=/data
VOLUME /data
# An unprivileged user. Docker permits port 80; on a platform without that permission, set PORT.
USER 10001:10001
EXPOSE 80
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=5s CMD ["study-stats", "health"]
ENTRYPOINT ["study-stats"]
