SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  // The document is sent to nobody else to be judged.
  validatorUrl: null,
});
