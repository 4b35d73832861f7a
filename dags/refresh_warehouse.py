"""The Airflow DAG `refresh_warehouse`; `wiring.py` makes it."""

from airflow.sdk import DAG
from wiring import refresh

dag: DAG = refresh(
    purpose="Et nyt, helt og kontrolleret varehus til alle, der læser tal: `releases/current`.",
    description="""
`look_in_ledger` afgør, om der er noget at udgive. `build` bygger med dbt i en privat fil og kører dbts test.
`validate` lader Great Expectations bedømme de færdige tabeller. `protect` er den sidste port: intet om personer må stå
i det, alle kan læse. `publish` lægger udgivelsen i sin egen mappe og flytter linket `current`. Indtil da læser alle
gårsdagens udgivelse, hel, med dens dato.
""",
    when_it_fails="""
Gårsdagens udgivelse står, og ingen læser halve tal. Porte (build, validate, protect) prøves ikke igen af sig selv: de
samme data giver det samme svar.

- **`build`:** loggens sidste afsnit nævner model eller test, dbts årsag, antal rækker og filen, der skal åbnes. En
  test, der fejler efter en ny leverance, er oftest leverancen; efter en ændring i koden er den modellen.
- **`validate`:** loggen nævner tabel og forventning; resten står i kørslens Data Docs under
  `staging/<kørsel>/operations/`.
- **`protect`:** udgiv aldrig uden om den. Loggen nævner tabellen, der stammer fra persondata uden at være erklæret
  `restricted`; ret modellens `meta`.
- **`publish`:** se efter en fuld disk. Ryd opgaven; den kan gentages.
- **En anden kørsel har låsen:** loggen nævner processen. Vent, eller stop den, hvis den hænger.
- **Sprunget over:** loggen siger hvorfor (områder mangler, eller nattens udgivelse har allerede de samme leverancer).
- **Tallene er forkerte, men udgivet:** `warehouse rollback <udgivelse>` sætter en tidligere tilbage på et sekund.
""",
)
