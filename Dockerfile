FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
# The dependencies, in a layer of their own that only the manifest and the lock file make anew.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src && echo 'fn main() {}' >src/main.rs && touch src/lib.rs && cargo build --release --locked
COPY src src
# COPY keeps the times of the files; those of the placeholders are newer.
RUN touch src/lib.rs src/main.rs && cargo build --release --locked

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="study-stats" \
      org.opencontainers.image.description="Records study sessions; answers exactly, in constant time, what learners have done in a course." \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
# The roots that a certificate of rediss:// is checked against, unless REDIS_CA_FILE names another.
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 10001 -g 10001 /data
COPY --from=build /build/target/release/study-stats /usr/local/bin/
ENV DATA_DIR=/data
VOLUME /data
# A user without rights. Docker lets it listen on port 80; where the platform does not, set PORT.
USER 10001:10001
EXPOSE 80
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=5s CMD ["study-stats", "health"]
ENTRYPOINT ["study-stats"]
