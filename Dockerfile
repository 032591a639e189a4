# syntax=docker/dockerfile:1
# Three stages: production dependencies, build, and an image that holds neither compiler nor sources.
FROM node:24-slim AS base
WORKDIR /app
ENV NPM_CONFIG_UPDATE_NOTIFIER=false

FROM base AS dependencies
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM base AS build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY .ci ./.ci
COPY src ./src
RUN node .ci/build.mjs && rm -rf dist/demo

FROM base AS server
ENV NODE_ENV=production \
    MTOKEN_MODE=production \
    MTOKEN_HOST=0.0.0.0 \
    MTOKEN_DATA_DIR=/var/lib/mtoken
RUN install --directory --owner=node --group=node --mode=0700 /var/lib/mtoken
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY docs ./docs
RUN ln -s /app/dist/cli/main.js /usr/local/bin/mtoken
USER node
VOLUME /var/lib/mtoken
# 3000 is public (behind your TLS proxy); 3001 is the admin listener, on loopback unless MTOKEN_ADMIN_HOST says otherwise.
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["node", "dist/http/healthcheck.js"]
STOPSIGNAL SIGTERM
CMD ["node", "dist/main.js"]
