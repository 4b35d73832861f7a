"""The Airflow DAG `extract_school_absence`; `wiring.py` makes it from the contracts of the domain."""

from airflow.sdk import DAG
from wiring import extract

dag: DAG = extract(
    "school_absence",
    purpose="Indskrivninger, fraværsdage og ministeriets fraværsstatistik er modtaget, kontrolleret og klar.",
    description="""
Læser skoleadministrationens udtræk og henter ministeriets statistik fra Uddannelsesstatistik. CPR-numre bliver til
nøgler i landingsprocessen, som er den eneste, der åbner nøglefilen; navne og bemærkninger lander aldrig.
""",
    when_it_fails="""
- **`land_absence_statistics` er rød:** fejlen siger, om det er adgangen (401, 403: nyt token i forbindelsen
  `uddannelsesstatistik`), tjenesten (429, 5xx: prøv igen senere) eller et ændret svar. Uden forbindelse springes den
  over. Statistikken kommer én gang om året; det haster ikke.
- **Fravær eller indskrivninger er afvist:** et udtræk for få eller for mange elever stoppes med vilje. Spørg, om alle
  skoler er med, før du beder om en ny fil.
- **Nøglefilen kan ikke åbnes:** den hører til brugeren, der kører landingen (0600). Lav aldrig en ny ved siden af en
  eksisterende boks; så mister kommunen sammenhængen med tidligere år.
""",
)
